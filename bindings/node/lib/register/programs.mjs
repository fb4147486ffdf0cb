// What the loader switches on for programs that were written for a device, see "OpenHarmony programs unchanged" in
// the README: compat mode, unless OHSOCKET_COMPAT=0, and warnings instead of unhandled rejections. A mark is enough:
// the package, of which there may be several evaluations, is loaded when the program imports it.

globalThis[Symbol.for('ohsocket.programs')] = true;
