"""Functions that run code or reach other functions by name.

A pattern with a wildcard never means them: who wants them allowed has to write their whole names. That closes
the plain ways round a list of functions, not all ways: many functions take functions (``sapply``,
``cellfun``, ``functools.reduce``), which is why interpreters of those who may not send code are confined.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DETOURS"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_M_CODE = _names(
    """
    eval evalin evalc feval builtin inline str2func func2str assignin source run load autoload addpath
    rmpath system shell_cmd unix dos popen popen2 exec fork spawn perl python unlink delete rename rmdir
    mkdir setenv putenv unsetenv cd chdir urlread urlwrite ftp mex mkoctfile oct_config onCleanup atexit
    javaMethod javaObject java_get dbcont kbhit keyboard input exit quit
    """
)

DETOURS: Mapping[str, frozenset[str]] = {
    "r": _names(
        """
        eval evalq eval.parent local do.call match.fun Recall source sys.source
        parse str2lang str2expression get get0 mget dynGet getElement getExportedValue getFromNamespace
        getAnywhere getNamespace asNamespace getMethod selectMethod existsFunction assign assignInNamespace
        assignInMyNamespace fixInNamespace delayedAssign makeActiveBinding attach library require
        requireNamespace loadNamespace attachNamespace dyn.load library.dynam system system2 shell shell.exec
        pipe fifo socketConnection socketSelect url download.file browseURL unlink file.remove file.copy
        file.rename file.symlink file.link Sys.setenv Sys.chmod setwd q quit body<- formals<- environment<-
        as.function trace untrace fork mcfork mcparallel makeCluster Rprof load readRDS unserialize
        lockBinding unlockBinding reg.finalizer on.exit sys.function sys.call environment
        """
    ),
    "octave": _M_CODE,
    "matlab": _M_CODE
    | _names(
        """
        web webread webwrite websave weboptions sendmail batch parfeval gcp parpool pyrun pyrunfile pyenv
        actxserver loadlibrary calllib winopen winqueryreg jsystem tcpclient tcpserver udpport serialport
        matlabrc startup finish publish codegen mcc compiler.build.productionServerArchive onCleanup timer
        start memmapfile matlab.addons.install websave copyfile movefile fopen builddocsearchdb
        """
    ),
    "python": _names(
        """
        eval exec compile execfile getattr setattr delattr globals locals vars open input breakpoint help
        attrgetter methodcaller import_module reload run_module run_path runcode runsource
        system popen spawn fork forkpty kill remove unlink rename rmdir rmtree removedirs symlink link
        chmod chown putenv unsetenv chdir Popen call check_call check_output run getoutput getstatusoutput
        execv execve execl execle execlp execlpe execvp execvpe posix_spawn posix_spawnp CDLL PyDLL
        LibraryLoader load loads fromfile memmap Unpickler exit quit
        """
    ),
}
"""By language."""
