// Where the data comes from: the server of `mrlm board`, or this page itself.

const FILES = ["metrics", "completions", "before", "sft", "after"];
const frozen = JSON.parse(document.getElementById("data").textContent);

async function ask(path, params) {
  const answer = await fetch(`/api/${path}?${new URLSearchParams(params)}`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

const board = {
  isLive: true,
  runs: () => ask("runs", []),
  run: (id) => ask("run", { id }),
  compare: (ids) => ask("compare", ids.map((id) => ["id", id])),
  // Adds what is new in a file to its rows; says whether anything changed.
  async read(id, file, rows) {
    let changed = false;
    for (let more = true; more;) {
      const piece = await ask("rows", { id, file, cursor: rows.cursor });
      if (piece.restart && rows.all.length) {
        rows.all = [];
        changed = true;
      }
      rows.all = rows.all.concat(piece.rows);
      rows.cursor = piece.cursor;
      rows.skipped = piece.skipped;
      changed = changed || piece.rows.length > 0;
      more = piece.more;
    }
    return changed;
  },
};

const page = {
  isLive: false,
  runs: async () => ({ root: "", runs: frozen.runs, broken: [] }),
  run: async (id) => frozen.runs.find((run) => run.id === id),
  compare: async () => frozen.table,
  async read(id, file, rows) {
    const held = frozen.runs.find((run) => run.id === id).rows;
    if (rows.all.length || !held[file]) return false;
    rows.all = held[file];
    [rows.shown, rows.total] = held.counts[file];
    return rows.all.length > 0;
  },
};

const source = frozen ? page : board;

function noRows() {
  return { all: [], cursor: "", skipped: 0, shown: 0, total: 0 };
}

// Where not all rows of a file are here, how many are.
function leftOut(rows, what) {
  if (rows.total > rows.shown) {
    return `This page holds ${count(rows.shown)} of ${count(rows.total)} ${what}; \`mrlm board\` shows all.`;
  }
  return rows.skipped ? `The file is large: its first ${compact(rows.skipped / 1048576)} MB are left out.` : "";
}
