/* The modules of CPython's library that the plugin can import: what the interpreter's start needs, and a few more.
   Debian's own table names all of them, and thereby links 2 MB of parsers, hashes and tables. */

#include <Python.h>

#define BUILT_IN(each)                                                                                             \
    each(_abc) each(_codecs) each(_functools) each(_imp) each(_io) each(_locale) each(_operator) each(_signal)     \
    each(_socket) each(_stat) each(_string) each(_thread) each(_weakref) each(atexit) each(errno) each(gc)         \
    each(itertools) each(posix) each(select) each(time)

#define DECLARE(name) extern PyObject *PyInit_##name(void);
#define ROW(name) {#name, PyInit_##name},

BUILT_IN(DECLARE)
extern PyObject *PyMarshal_Init(void);
extern PyObject *_PyWarnings_Init(void);

struct _inittab _PyImport_Inittab[] = {
    BUILT_IN(ROW)
    {"_warnings", _PyWarnings_Init},
    {"builtins", NULL},
    {"marshal", PyMarshal_Init},
    {"sys", NULL},
    {NULL, NULL},
};
