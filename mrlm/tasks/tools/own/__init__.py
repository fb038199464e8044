"""Tools of the user's own: functions, MCP servers, and environments by TRL's protocol.

What is named here is the user's own code and trusted as such: it runs in this process, or as the
server that the user's command starts.
"""
