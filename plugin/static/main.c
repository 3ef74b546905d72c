/* Starts CPython without any file of the host, then runs the frozen `__main__`. */

#include <Python.h>
#include <unistd.h>

extern const struct _frozen frozen_modules[];

static void exit_on(PyStatus status)
{
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

/* Whatever stays unset would be searched for on the host's disk. */
static void set_paths(PyConfig *config)
{
    wchar_t **paths[] = {&config->executable, &config->base_executable, &config->home, &config->prefix,
                         &config->exec_prefix, &config->base_prefix, &config->base_exec_prefix, &config->stdlib_dir};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        exit_on(PyConfig_SetString(config, paths[i], L"/"));
    config->module_search_paths_set = 1;
}

int main(int argc, char **argv)
{
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
    preconfig.configure_locale = 0;
    exit_on(Py_PreInitialize(&preconfig));

    PyImport_FrozenModules = frozen_modules;
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    config.parse_argv = 0;
    config.write_bytecode = 0;
    config.use_frozen_modules = 1;
    config.optimization_level = 2;
    config.pathconfig_warnings = 0;
    config.install_signal_handlers = 0;
    set_paths(&config);
    exit_on(PyConfig_SetBytesArgv(&config, argc, argv));
    exit_on(Py_InitializeFromConfig(&config));

    if (PyImport_ImportFrozenModule("__main__") < 1)
        PyErr_Print();
    _exit(1); /* the plugin ends the process itself; Py_FinalizeEx would take longer than its work */
}
