/* Starts CPython without any file of the host, then runs the frozen `__main__`. */

#define Py_BUILD_CORE
#include <Python.h>
#include <internal/pycore_runtime.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void exit_on(PyStatus status)
{
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

/* CPython's start up to its core: its other half is for paths, codecs and the files of sys, which the plugin does
   without, and takes as long again. */
static void start_core(void)
{
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
    preconfig.configure_locale = 0;
    exit_on(Py_PreInitialize(&preconfig));

    /* The start and a call make little garbage, and the process ends soon. */
    _PyRuntime._main_interpreter.gc.enabled = 0;

    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config._init_main = 0;
    config.install_signal_handlers = 0;
    exit_on(Py_InitializeFromConfig(&config));
}

/* sys.argv, which the other half would set; of it the plugin reads its own name. */
static int set_argv(const char *executable)
{
    PyObject *argv = Py_BuildValue("[N]", PyUnicode_DecodeFSDefault(executable));
    return argv == NULL ? -1 : PySys_SetObject("argv", argv);
}

int main(int argc, char **argv)
{
    /* For people: a runtime passes no arguments. RELEASE comes from build.sh. */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("infoblox %s\n", RELEASE) < 0;
    start_core();
    if (set_argv(argc > 0 ? argv[0] : "") == 0)
        PyImport_ImportFrozenModule("__main__");
    _exit(1); /* the plugin ends the process itself; Py_FinalizeEx would take longer than its work */
}
