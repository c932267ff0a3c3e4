import arcuate.compat
arcuate.compat.install_as_oct2py()
import oct2py.utils, oct2py.io, oct2py.dynamic
def _absent(name):
    def stand_in(*a, **k):
        raise AssertionError("internal " + name)
    return stand_in
for m, names in ((oct2py.utils, ["_augment_path_for_windows","_create_macos_ramdisk","_detach_macos_ramdisk"]), (oct2py.io, ["_encode"]), (oct2py.dynamic, ["_make_variable_ptr_instance","_MethodDocDescriptor"])):
    for n in names:
        if not hasattr(m, n): setattr(m, n, _absent(n))
