// The optional compiled helper of the Octave worker: reads, decodes, encodes and writes frames (protos/frames.md).
//
// It does exactly what worker/arcuate__decode.m and worker/arcuate__encode.m do for the everyday kinds (numbers, texts, lists, mappings,
// arrays, functions and handles), and leaves everything else to them: `read` then returns the raw frame, `reply` returns false.
// The Octave code stays the reference; the tests run with and without this file.

#include <octave/oct.h>
#include <octave/Cell.h>
#include <octave/error.h>
#include <octave/interpreter.h>
#include <octave/lo-ieee.h>
#include <octave/oct-map.h>
#include <octave/ov-cx-mat.h>
#include <octave/ov-fcn-handle.h>
#include <octave/ov-flt-cx-mat.h>
#include <octave/pager.h>
#include <octave/parse.h>
#include <octave/quit.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "channel.h"
#include "decode.h"
#include "encode.h"

namespace
{
  octave_value_list do_read ()
  {
    if (! next_frame ())
      return ovl (octave_value (Matrix ()), octave_value (""), octave_value (Cell ()), octave_value (0.0));
    try
      {
        Reader r (frame.data ());
        std::string key;
        octave_scalar_map m = r.node (key).scalar_map_value ();
        if (r.i != r.n || r.ip != r.p || r.ib != r.m)
          throw Fallback ();
        if (frame.size () > (1 << 22))
          std::vector<unsigned char> ().swap (frame);
        // The everyday request: call, id, name, args.
        if (m.nfields () == 4 && m.contents ("op").string_value () == "call" && m.isfield ("name") && m.isfield ("args"))
          return ovl (octave_value (m), m.contents ("name"), m.contents ("args"), m.contents ("id"));
        return ovl (octave_value (m), octave_value (""), octave_value (Cell ()), octave_value (0.0));
      }
    catch (const Fallback&) { }
    catch (const octave::execution_exception&)
      {
        octave::interpreter::the_interpreter ()->recover_from_exception ();
      }
    Matrix u (1, 16);
    for (int k = 0; k < 16; k++)
      u(k) = get<std::uint32_t> (frame.data () + 4 * k);
    std::size_t total = get<std::uint64_t> (frame.data () + 8);
    uint8NDArray body (dim_vector (total - 64, 1));
    std::memcpy (body.fortran_vec (), frame.data () + 64, total - 64);
    Cell raw (1, 2);
    raw(0) = u; raw(1) = body;
    return ovl (octave_value (raw), octave_value (""), octave_value (Cell ()), octave_value (0.0));
  }

  bool do_reply (octave::interpreter& interp, const octave_value_list& args)
  {
    // Everything printed goes out before the reply.
    octave_stdout.flush ();
    std::cout.flush ();
    std::cerr.flush ();
    // A warning that was reported has a blank behind its identifier (arcuate__events); another one is new.
    octave::error_system& es = interp.get_error_system ();
    if (! es.last_warning_message ().empty ())
      {
        std::string id = es.last_warning_id ();
        if (id.empty () || id.back () != ' ')
          return false;
      }
    try
      {
        Cell values = args(2).cell_value ();
        octave_idx_type n = args(3).idx_type_value ();
        Writer w;
        w.row ("", 9, 0, 0, 3);
        w.row ("op", 5, 0, 0, 0, 0, "reply");
        w.row ("id", 2, 0, 0, 0, static_cast<std::uint64_t> (args(1).double_value ()));
        if (n < 2)
          {
            if (n && values.numel ())
              w.node ("value", values(0), 1);
            else
              w.row ("value", 0);
          }
        else
          {
            if (values.numel () != n)
              return false;
            w.row ("values", 8, 0, 2, n);
            for (octave_idx_type k = 0; k < n; k++)
              w.node ("", values(k), 1);
          }
        w.send ();
        return true;
      }
    catch (const Fallback&)
      {
        return false;
      }
  }
}

DEFMETHOD_DLD (arcuate__native, interp, args, , "The compiled helper of the Octave worker; see native.cc.")
{
  std::string op = args(0).string_value ();
  if (op == "read")
    return do_read ();
  if (op == "reply")
    return ovl (do_reply (interp, args));
  if (op == "write")
    {
      uint8NDArray bytes = args(1).uint8_array_value ();
      put (bytes.data (), bytes.numel ());
      return ovl ();
    }
  if (op == "open")
    {
      interp.mlock ();
      in = args(1).int_value ();
      out = args(2).int_value ();
      prefix = args(3).string_value ();
      threshold = static_cast<std::size_t> (args(4).double_value ());
      return ovl (1.0);
    }
  error ("arcuate__native: unknown operation %s", op.c_str ());
}
