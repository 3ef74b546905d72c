/* The tables of built-in and frozen modules, in place of CPython's own: linked with these, its members config.o,
   frozen.o and deepfreeze.o stay in the library, and with them 2 MB of parsers, hashes, and frozen code whose
   strings each start would intern, needed or not. */

#define Py_BUILD_CORE
#include <Python.h>
#include <internal/pycore_import.h>

/* What the plugin imports. The start of the interpreter needs _imp, builtins and sys. */
#define BUILT_IN(each) each(_imp) each(_socket) each(posix) each(select) each(time)

#define DECLARE(name) extern PyObject *PyInit_##name(void);
#define ROW(name) {#name, PyInit_##name},

BUILT_IN(DECLARE)

struct _inittab _PyImport_Inittab[] = {
    BUILT_IN(ROW)
    {"builtins", NULL},
    {"sys", NULL},
    {NULL, NULL},
};

extern const struct _frozen frozen_modules[];
static const struct _frozen no_modules[] = {{NULL}};
static const struct _module_alias no_aliases[] = {{NULL}};

const struct _frozen *_PyImport_FrozenBootstrap = frozen_modules;
const struct _frozen *_PyImport_FrozenStdlib = no_modules;
const struct _frozen *_PyImport_FrozenTest = no_modules;
const struct _frozen *PyImport_FrozenModules = NULL;
const struct _module_alias *_PyImport_FrozenAliases = no_aliases;

int _Py_Deepfreeze_Init(void)
{
    return 0;
}

void _Py_Deepfreeze_Fini(void)
{
}

/* The built-in modules bring six hundred constants, of which the plugin names a few: making the others would take
   longer than its call. The linker leads the modules here (--wrap). */

extern const size_t names_count;
extern const char *const names[];

int __real_PyModule_AddIntConstant(PyObject *module, const char *name, long value);
int __wrap_PyModule_AddIntConstant(PyObject *module, const char *name, long value);

static int compare(const void *name, const void *entry)
{
    return strcmp(name, *(const char *const *)entry);
}

int __wrap_PyModule_AddIntConstant(PyObject *module, const char *name, long value)
{
    if (bsearch(name, names, names_count, sizeof *names, compare) == NULL)
        return 0;
    return __real_PyModule_AddIntConstant(module, name, value);
}
