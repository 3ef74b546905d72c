/* The built-in modules: what the start of the interpreter imports, and what the plugin imports, each on a line.
   Debian's own table names all that its library holds, and thereby links 2 MB of parsers, hashes and tables. */

#include <Python.h>

#define BUILT_IN(each)                                                                                             \
    each(_abc) each(_codecs) each(_imp) each(_io) each(_thread) each(_weakref)                                     \
    each(_socket) each(posix) each(select) each(time)

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
