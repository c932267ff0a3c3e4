"""Which of oct2py's own tests do not run on the face: each with the internal name of oct2py that it needs.

``test_upstream`` checks that the name stands in the test's own source, that oct2py's own sources use it, and
that it is no name that oct2py offers to its users. docs/compat/oct2py.md shows the list; a test keeps the two
in step.
"""

from __future__ import annotations

BRANCHES = "tests/test_core_branches.py"
DYNAMIC = "tests/test_dynamic_branches.py"
DESCRIPTOR = f"{DYNAMIC}::TestMethodDocDescriptorCached"
MISC = "tests/test_misc.py"

LEFT_OUT = {
    # The pexpect terminal on which oct2py drives Octave.
    f"{BRANCHES}::TestTerminateRepl::test_exit_swallows_stale_alive_race": "repl",
    f"{BRANCHES}::TestTerminateRepl::test_restart_swallows_stale_alive_race": "repl",
    f"{BRANCHES}::TestTerminateRepl::test_terminate_repl_reraises_other_exceptions": "repl",
    f"{BRANCHES}::TestRestart::test_restart_widens_pexpect_delays": "repl",
    f"{DYNAMIC}::TestResetInstancesAfterFork::test_instance_with_engine_gets_neutralised": "repl",
    # Its engine, replaced by one that answers in the text of Octave's prompt.
    f"{BRANCHES}::TestGetDoc::test_get_doc_syntax_error_raises": "_engine",
    f"{BRANCHES}::TestGetDoc::test_get_doc_error_falls_back_to_type": "_engine",
    f"{BRANCHES}::TestExist::test_exist_zero_without_error_returns_two": "_engine",
    # The MAT files that carry its values, and the m-file that reads them.
    f"{MISC}::TestMisc::test_logging": "_pyeval",
    f"{MISC}::TestMisc::test_loadmat_typeerror_raises_oct2pyerror": "loadmat",
    f"{MISC}::TestWriterFileHandle::test_out_fh_open_after_init": "_out_fh",
    f"{MISC}::TestWriterFileHandle::test_out_fh_stable_across_calls": "_out_fh",
    f"{MISC}::TestWriterFileHandle::test_out_fh_closed_on_exit": "_out_fh",
    f"{MISC}::test_write_file_accepts_file_handle": "write_file",
    f"{MISC}::test_write_file_handle_overwrites_on_second_call": "write_file",
    # Parts of its modules.
    f"{MISC}::test_augment_path_noop_on_non_windows": "_augment_path_for_windows",
    f"{DESCRIPTOR}::test_get_returns_cached_doc_without_calling_session": "_MethodDocDescriptor",
    f"{DESCRIPTOR}::test_get_fetches_doc_when_none": "_MethodDocDescriptor",
    f"{DYNAMIC}::TestOctaveUserClassInit::test_init_creates_instance_and_stores_in_octave": "_get_user_class",
    f"{DYNAMIC}::TestOctaveUserClassInit::test_init_address_is_unique_per_instance": "_get_user_class",
    f"{DYNAMIC}::TestEncodeOctaveVariablePtr::test_encode_variable_ptr_fetches_value": "_encode",
    f"{DYNAMIC}::TestEncodeOctaveVariablePtr::test_encode_variable_ptr_scalar": "_encode",
}

# What modules of tests import at their top and only tests above, or tests for Windows and macOS, use.
STAND_INS = {
    "oct2py.dynamic": ("_MethodDocDescriptor", "_make_variable_ptr_instance"),
    "oct2py.io": ("_encode",),
    "oct2py.utils": ("_augment_path_for_windows", "_create_macos_ramdisk", "_detach_macos_ramdisk"),
}
