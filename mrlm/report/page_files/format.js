// How numbers are said: the same words as on the terminal (mrlm/report/format.py).

const ABSENT = "–";

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function percent(share) {
  return isNumber(share) ? `${(share * 100).toFixed(1)}%` : ABSENT;
}

function points(difference) {
  if (!isNumber(difference)) return ABSENT;
  const text = (difference * 100).toFixed(1);
  return text.startsWith("-") ? `−${text.slice(1)}` : `+${text}`;
}

function count(number) {
  return isNumber(number) ? number.toLocaleString("en-US") : ABSENT;
}

// Of any size: what a curve's axis and a reward's chip show.
function compact(value) {
  if (!isNumber(value)) return ABSENT;
  if (value === 0) return "0"; // and -0
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(1).replace("e+", "e").replace("-", "−");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = value.toLocaleString("en-US", { maximumFractionDigits: digits });
  return text.replace("-", "−");
}

function duration(seconds) {
  if (!isNumber(seconds)) return ABSENT;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const rest = Math.round(seconds) % 60;
  if (minutes < 60) return `${minutes} min ${String(rest).padStart(2, "0")} s`;
  const whole = Math.floor(Math.round(seconds / 60) / 60);
  return `${whole} h ${String(Math.round(seconds / 60) % 60).padStart(2, "0")} min`;
}

function gibibytes(bytes) {
  return isNumber(bytes) && bytes > 0 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : ABSENT;
}

function ago(seconds) {
  if (!isNumber(seconds)) return "";
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

function between(interval, say) {
  return `95% interval ${say(interval.low)} to ${say(interval.high)}`;
}

// What the user asked last in a conversation; a frozen page has that alone.
function question(prompt) {
  if (typeof prompt === "string") return prompt;
  if (!Array.isArray(prompt) || !prompt.length) return "";
  const asked = prompt.filter((message) => message.role === "user");
  return asText((asked.length ? asked : prompt).at(-1).content);
}

function asText(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
