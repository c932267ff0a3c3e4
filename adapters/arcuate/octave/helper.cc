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
#include <octave/ov-fcn-handle.h>
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

namespace
{
  struct Fallback {};   // this value is for the Octave code

  // ------------------------------------------------------------------ channel

  int in = -1, out = -1;
  std::string prefix;
  std::size_t threshold = SIZE_MAX;
  std::vector<unsigned char> frame;   // what has arrived of the next frame; survives an interrupt
  std::size_t have = 0;

  template <typename T> T get (const unsigned char *p) { T x; std::memcpy (&x, p, sizeof x); return x; }

  // Reads until `frame` holds `size` bytes.  False at the end of the stream.
  bool fill (std::size_t size)
  {
    if (frame.size () < size)
      frame.resize (size);
    while (have < size)
      {
        ssize_t n = ::read (in, frame.data () + have, size - have);
        if (n > 0)
          have += n;
        else if (n == 0)
          return false;
        else if (errno != EINTR && errno != EAGAIN)
          return false;
      }
    return true;
  }

  // Waits for a frame; an interrupt that comes meanwhile strikes here, where nothing is lost by it.
  bool next_frame ()
  {
    have = 0;
    pollfd p = {in, POLLIN, 0};
    for (;;)
      {
        OCTAVE_QUIT;
        int n = ::poll (&p, 1, -1);
        if (n > 0)
          break;
        if (n < 0 && errno != EINTR)
          return false;
      }
    if (! fill (64))
      return false;
    if (std::memcmp (frame.data (), "ARCU", 4) != 0)
      error_with_id ("Arcuate:protocol", "this is no Arcuate frame");
    return fill (get<std::uint64_t> (frame.data () + 8));
  }

  void put (const void *data, std::size_t size)
  {
    const char *p = static_cast<const char *> (data);
    while (size)
      {
        ssize_t n = ::write (out, p, size);
        if (n > 0)
          { p += n; size -= n; }
        else if (errno != EINTR && errno != EAGAIN)
          std::_Exit (0);   // the host is gone
      }
  }

  // ------------------------------------------------------------------ decoding

  struct Reader
  {
    const unsigned char *base, *value, *pool, *blen, *bloc, *count, *klen, *tlen, *kind, *dtype, *flags;
    const char *text;
    std::uint64_t n, m, p;
    std::uint64_t i = 0, ip = 0, ib = 0, at;

    explicit Reader (const unsigned char *f)
      : base (f)
    {
      n = get<std::uint32_t> (f + 16); m = get<std::uint32_t> (f + 20); p = get<std::uint64_t> (f + 24);
      at = get<std::uint64_t> (f + 40);
      std::uint64_t t = get<std::uint64_t> (f + 32), total = get<std::uint64_t> (f + 8);
      if (64 + 24 * n + 8 * p + 16 * m + t > at || at > total)
        throw Fallback ();
      value = f + 64; pool = value + 8 * n; blen = pool + 8 * p; bloc = blen + 8 * m;
      count = bloc + 8 * m; klen = count + 4 * n; tlen = klen + 4 * n;
      kind = tlen + 4 * n; dtype = kind + n; flags = dtype + n;
      text = reinterpret_cast<const char *> (flags + 2 * n);
      end = text + t;
    }

    const char *end;

    std::uint64_t number ()
    {
      if (ip >= p)
        throw Fallback ();
      return get<std::uint64_t> (pool + 8 * ip++);
    }

    std::string take (std::uint32_t length)
    {
      if (length > static_cast<std::size_t> (end - text))
        throw Fallback ();
      std::string s (text, length);
      text += length;
      return s;
    }

    // The size of the next buffer.
    std::uint64_t size () const
    {
      if (ib >= m)
        throw Fallback ();
      return get<std::uint64_t> (blen + 8 * ib);
    }

    // Copies the next buffer.
    void fetch (void *target, std::uint64_t bytes)
    {
      if (size () != bytes)
        throw Fallback ();
      std::uint64_t place = get<std::uint64_t> (bloc + 8 * ib++);
      if (! place)
        {
          std::memcpy (target, base + at, bytes);
          at += (bytes + 63) / 64 * 64;
          return;
        }
      int fd = ::open ((prefix + std::to_string (place)).c_str (), O_RDONLY | O_CLOEXEC);
      if (fd < 0)
        throw Fallback ();
      char *to = static_cast<char *> (target);
      std::uint64_t done = 0;
      while (done < bytes)
        {
          ssize_t k = ::pread (fd, to + done, bytes - done, done);
          if (k > 0)
            done += k;
          else if (k == 0 || errno != EINTR)
            break;
        }
      ::close (fd);
      if (done < bytes)
        throw Fallback ();
    }

    template <typename A> octave_value load (const dim_vector& dims)
    {
      A a (dims);
      fetch (a.fortran_vec (), a.numel () * sizeof (*a.data ()));
      return octave_value (a);
    }

    octave_value array (std::uint64_t j)
    {
      unsigned nd = get<std::uint32_t> (count + 4 * j), d = dtype[j], f = flags[j];
      if ((nd > 1 && ! (f & 2)) || nd > 64)
        throw Fallback ();
      dim_vector dims (1, 1);
      if (nd == 1)
        dims(1) = number ();
      else if (nd > 1)
        {
          dims.resize (nd);
          for (unsigned k = 0; k < nd; k++)
            dims(k) = number ();
          dims.chop_trailing_singletons ();
        }
      if ((f & 1) && d != 12)
        throw Fallback ();
      switch (d)
        {
        case 1:
          {
            boolNDArray a (dims);
            bool *x = a.fortran_vec ();
            fetch (x, a.numel ());
            unsigned char *c = reinterpret_cast<unsigned char *> (x);
            for (octave_idx_type k = 0; k < a.numel (); k++)
              c[k] = c[k] != 0;
            return octave_value (a);
          }
        case 2: return load<int8NDArray> (dims);
        case 3: return load<int16NDArray> (dims);
        case 4: return load<int32NDArray> (dims);
        case 5:
          {
            int64NDArray a (dims);
            fetch (a.fortran_vec (), 8 * a.numel ());
            if (! (f & 4))
              return octave_value (a);
            NDArray x (dims);
            double *to = x.fortran_vec ();
            const std::int64_t limit = 9007199254740992;
            for (octave_idx_type k = 0; k < a.numel (); k++)
              {
                std::int64_t v = a(k).value ();
                if (v > limit || v < -limit)
                  return octave_value (a);
                to[k] = v;
              }
            return octave_value (x);
          }
        case 6: return load<uint8NDArray> (dims);
        case 7: return load<uint16NDArray> (dims);
        case 8: return load<uint32NDArray> (dims);
        case 9: return load<uint64NDArray> (dims);
        case 11: return load<FloatNDArray> (dims);
        case 12:
          {
            NDArray a (dims);
            double *x = a.fortran_vec ();
            fetch (x, 8 * a.numel ());
            if (f & 1)
              {
                std::vector<unsigned char> mask (a.numel ());
                fetch (mask.data (), mask.size ());
                for (std::size_t k = 0; k < mask.size (); k++)
                  if (mask[k])
                    x[k] = octave_NA;
              }
            return octave_value (a);
          }
        case 13: return load<FloatComplexNDArray> (dims);
        case 14: return load<ComplexNDArray> (dims);
        case 15:
          {
            std::string all (size (), '\0');
            fetch (&all[0], all.size ());
            Cell c (dims);
            std::size_t from = 0;
            for (octave_idx_type k = 0; k < c.numel (); k++)
              {
                std::size_t to = all.find ('\0', from);
                if (to == std::string::npos)
                  throw Fallback ();
                c(k) = octave_value (all.substr (from, to - from), '\'');
                from = to + 1;
              }
            return octave_value (c);
          }
        default:
          throw Fallback ();
        }
    }

    void skip (std::uint64_t children)
    {
      std::string ignored;
      while (children--)
        node (ignored);
    }

    octave_value node (std::string& key)
    {
      if (i >= n)
        throw Fallback ();
      std::uint64_t j = i++;
      std::uint64_t bits = get<std::uint64_t> (value + 8 * j);
      unsigned d = dtype[j], f = flags[j], c = get<std::uint32_t> (count + 4 * j);
      key = take (get<std::uint32_t> (klen + 4 * j));
      std::string s = take (get<std::uint32_t> (tlen + 4 * j));
      switch (kind[j])
        {
        case 0:
          return octave_value (Matrix (0, 0));
        case 1:
          return octave_value (bits != 0);
        case 2:
          {
            std::int64_t v;
            std::memcpy (&v, &bits, 8);
            switch (d)
              {
              case 0:
                if (f & 1)
                  return octave_value (octave_uint64 (bits));
                if (v <= 9007199254740992 && v >= -9007199254740992)
                  return octave_value (static_cast<double> (v));
                return octave_value (octave_int64 (v));
              case 2: return octave_value (octave_int8 (v));
              case 3: return octave_value (octave_int16 (v));
              case 4: return octave_value (octave_int32 (v));
              case 5: return octave_value (octave_int64 (v));
              case 6: return octave_value (octave_uint8 (v));
              case 7: return octave_value (octave_uint16 (v));
              case 8: return octave_value (octave_uint32 (v));
              case 9: return octave_value (octave_uint64 (bits));
              default: throw Fallback ();
              }
          }
        case 3:
          {
            double v;
            std::memcpy (&v, &bits, 8);
            if (d == 10 || d == 11)
              return octave_value (static_cast<float> (v));
            return octave_value (v);
          }
        case 5:
          return octave_value (s, '\'');
        case 6:
          {
            uint8NDArray a (dim_vector (1, size ()));
            fetch (a.fortran_vec (), a.numel ());
            return octave_value (a);
          }
        case 7:
          if (d != 12)
            throw Fallback ();
          return octave_value (octave_NA);
        case 8:
          {
            if (f & 12)
              throw Fallback ();
            Cell v (c > 0, c);
            std::string ignored;
            for (unsigned k = 0; k < c; k++)
              v(k) = node (ignored);
            return octave_value (v);
          }
        case 9:
          {
            if (f & 1)
              throw Fallback ();
            octave_scalar_map v;
            std::string name;
            for (unsigned k = 0; k < c; k++)
              {
                octave_value x = node (name);
                if (name == "arcuate")
                  throw Fallback ();
                v.setfield (name, x);
              }
            return octave_value (v);
          }
        case 10:
          return array (j);
        case 19:
          {
            skip (c);
            for (char x : s)
              if (! std::isalnum (static_cast<unsigned char> (x)) && x != ':' && x != '_' && x != '-')
                throw Fallback ();
            return octave::feval ("str2func", ovl (octave_value ("@(varargin) arcuate__callback (\"" + s + "\", varargin{:})")), 1)(0);
          }
        case 20:
          skip (c);
          return octave::feval ("arcuate__handles", ovl (octave_value ("get"), octave_value (s)), 1)(0);
        default:
          throw Fallback ();
        }
    }
  };

  // ------------------------------------------------------------------ encoding

  bool utf8 (const std::string& s)
  {
    const unsigned char *p = reinterpret_cast<const unsigned char *> (s.data ()), *e = p + s.size ();
    while (p < e)
      {
        unsigned c = *p++;
        if (c == 0)
          return false;
        if (c < 0x80)
          continue;
        int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if (c < 0xC2 || c > 0xF4 || e - p < more)
          return false;
        unsigned first = *p;
        if ((c == 0xE0 && first < 0xA0) || (c == 0xED && first > 0x9F) || (c == 0xF0 && first < 0x90) || (c == 0xF4 && first > 0x8F))
          return false;
        for (int k = 0; k < more; k++)
          if ((*p++ & 0xC0) != 0x80)
            return false;
      }
    return true;
  }

  struct Buffer { octave_value keep; std::string owned; const void *data; std::size_t size; std::uint64_t place; };

  struct Writer
  {
    std::vector<std::uint64_t> value, pool;
    std::vector<std::uint32_t> count, klen, tlen;
    std::vector<unsigned char> kind, dtype, flags;
    std::string text;
    std::vector<Buffer> buffers;

    void row (const std::string& key, unsigned k, unsigned d = 0, unsigned f = 0, std::uint32_t c = 0, std::uint64_t v = 0, const std::string& t = std::string ())
    {
      value.push_back (v); count.push_back (c); klen.push_back (key.size ()); tlen.push_back (t.size ());
      kind.push_back (k); dtype.push_back (d); flags.push_back (f);
      text += key; text += t;
    }

    static std::uint64_t bits (double x) { std::uint64_t b; std::memcpy (&b, &x, 8); return b; }

    void shape (const dim_vector& d)
    {
      for (int k = 0; k < d.ndims (); k++)
        pool.push_back (d(k));
    }

    template <typename A> void array (const std::string& key, const octave_value& v, const A& a, unsigned d)
    {
      row (key, 10, d, 2, a.ndims ());
      shape (a.dims ());
      buffers.push_back ({octave_value (a), "", a.data (), a.numel () * sizeof (*a.data ()), 0});
    }

    void doubles (const std::string& key, const octave_value& v)
    {
      NDArray a = v.array_value ();
      const double *x = a.data ();
      octave_idx_type n = a.numel ();
      // One pass tells whether there can be an NA at all: a sum of zeros unless something is NaN or infinite.
      bool suspect = false;
      for (octave_idx_type from = 0; from < n && ! suspect; from += 4096)
        {
          octave_idx_type to = std::min (n, from + 4096);
          bool nan = false;
          for (octave_idx_type k = from; k < to; k++)
            nan |= x[k] != x[k];
          suspect = nan;
        }
      std::string mask;
      if (suspect)
        for (octave_idx_type k = 0; k < n; k++)
          if (x[k] != x[k] && octave::math::isna (x[k]))
            {
              if (mask.empty ())
                mask.assign (n, '\0');
              mask[k] = 1;
            }
      if (! mask.empty ())
        {
          double *y = a.fortran_vec ();
          for (octave_idx_type k = 0; k < n; k++)
            if (mask[k])
              y[k] = 0;
        }
      array (key, v, a, 12);
      if (! mask.empty ())
        {
          flags.back () |= 1;
          buffers.push_back ({octave_value (), mask, nullptr, mask.size (), 0});
        }
    }

    bool texts (const std::string& key, const Cell& c)
    {
      std::string all;
      for (octave_idx_type k = 0; k < c.numel (); k++)
        {
          const octave_value& x = c.elem (k);
          if (! x.is_string () || x.ndims () != 2 || (x.rows () != 1 && x.numel ()))
            return false;
          if (x.numel ())
            {
              std::string s = x.string_value ();
              if (! utf8 (s))
                throw Fallback ();
              all += s;
            }
          all += '\0';
        }
      row (key, 10, 15, 2, c.ndims ());
      shape (c.dims ());
      buffers.push_back ({octave_value (), all, nullptr, all.size (), 0});
      return true;
    }

    void node (const std::string& key, const octave_value& v, int depth)
    {
      if (depth > 60 || ! utf8 (key))
        throw Fallback ();
      switch (v.builtin_type ())
        {
        case btyp_double:
          if (v.issparse ())
            throw Fallback ();
          if (v.numel () == 1)
            {
              double x = v.double_value ();
              if (octave::math::isna (x))
                row (key, 7, 12);
              else
                row (key, 3, 0, 0, 0, bits (x));
            }
          else
            doubles (key, v);
          return;
        case btyp_bool:
          if (v.issparse ())
            throw Fallback ();
          if (v.numel () == 1)
            row (key, 1, 0, 0, 0, v.bool_value ());
          else
            array (key, v, v.bool_array_value (), 1);
          return;
        case btyp_char:
          {
            if (v.ndims () != 2 || (v.rows () != 1 && ! (v.rows () == 0 && v.columns () == 0)))
              throw Fallback ();
            std::string s = v.string_value ();
            if (! utf8 (s))
              throw Fallback ();
            row (key, 5, 0, 0, 0, 0, s);
            return;
          }
        case btyp_float:
          {
            if (v.numel () == 1)
              throw Fallback ();
            FloatNDArray a = v.float_array_value ();
            const float *x = a.data ();
            bool nan = false;
            for (octave_idx_type k = 0; k < a.numel (); k++)
              nan |= x[k] != x[k];
            if (nan)
              throw Fallback ();
            array (key, v, a, 11);
            return;
          }
        case btyp_complex:
          {
            if (v.issparse () || v.numel () == 1)
              throw Fallback ();
            ComplexNDArray a = v.complex_array_value ();
            for (octave_idx_type k = 0; k < a.numel (); k++)
              if (octave::math::isna (a(k)))
                throw Fallback ();
            array (key, v, a, 14);
            return;
          }
#define INTS(B, N, D) \
        case B: \
          { \
            auto a = v.N##_array_value (); \
            if (a.numel () != 1) \
              array (key, v, a, D); \
            else \
              row (key, 2, D, 0, 0, static_cast<std::uint64_t> (a(0).value ())); \
            return; \
          }
        INTS (btyp_int8, int8, 2)
        INTS (btyp_int16, int16, 3)
        INTS (btyp_int32, int32, 4)
        INTS (btyp_int64, int64, 5)
        INTS (btyp_uint8, uint8, 6)
        INTS (btyp_uint16, uint16, 7)
        INTS (btyp_uint32, uint32, 8)
        INTS (btyp_uint64, uint64, 9)
        default:
          break;
        }
      if (v.iscell ())
        {
          Cell c = v.cell_value ();
          if (c.numel () && texts (key, c))
            return;
          bool row_shaped = c.ndims () == 2 && ((c.rows () == 1 && c.columns ()) || (c.rows () == 0 && c.columns () == 0));
          row (key, 8, 0, row_shaped ? 0 : 4, c.numel ());
          if (! row_shaped)
            {
              pool.push_back (c.ndims ());
              shape (c.dims ());
            }
          for (octave_idx_type k = 0; k < c.numel (); k++)
            node ("", c.elem (k), depth + 1);
          return;
        }
      if (v.isstruct () && ! v.isobject () && v.numel () == 1)
        {
          octave_scalar_map map = v.scalar_map_value ();
          if (map.isfield ("arcuate"))
            throw Fallback ();
          row (key, 9, 0, 0, map.nfields ());
          string_vector names = map.fieldnames ();
          for (octave_idx_type k = 0; k < names.numel (); k++)
            node (names(k), map.contents (names(k)), depth + 1);
          return;
        }
      throw Fallback ();
    }

    // Puts large buffers into shared memory and returns the frame.
    void send ();
  };

  // Asks the host for a segment.  Its answer is the next frame.
  std::uint64_t allocate (std::size_t size)
  {
    Writer w;
    w.row ("", 9, 0, 0, 3);
    w.row ("op", 5, 0, 0, 0, 0, "alloc");
    w.row ("id", 2);
    w.row ("size", 2, 0, 0, 0, size);
    w.send ();
    have = 0;
    if (! fill (64) || ! fill (get<std::uint64_t> (frame.data () + 8)))
      std::_Exit (0);
    Reader r (frame.data ());
    std::string key;
    octave_scalar_map m = r.node (key).scalar_map_value ();
    have = 0;
    if (m.contents ("op").string_value () != "segment")
      error_with_id (("Arcuate:" + m.contents ("code").string_value ()).c_str (), "%s", m.contents ("message").string_value ().c_str ());
    return static_cast<std::uint64_t> (m.contents ("ref").double_value ());
  }

  void Writer::send ()
  {
    std::size_t n = kind.size (), m = buffers.size (), p = pool.size (), t = text.size ();
    std::size_t used = 64 + 24 * n + 8 * p + 16 * m + t;
    std::size_t head = (used + 63) / 64 * 64, total = head;
    for (Buffer& b : buffers)
      {
        if (! b.data)
          b.data = b.owned.data ();
        if (b.size < threshold)
          {
            total += (b.size + 63) / 64 * 64;
            continue;
          }
        b.place = allocate (b.size);
        std::string path = prefix + std::to_string (b.place);
        int fd = ::open (path.c_str (), O_RDWR | O_CLOEXEC);
        if (fd < 0)
          error_with_id ("Arcuate:INTERNAL", "cannot open the shared segment %s for writing", path.c_str ());
        const char *x = static_cast<const char *> (b.data);
        std::size_t done = 0;
        while (done < b.size)
          {
            ssize_t k = ::pwrite (fd, x + done, b.size - done, done);
            if (k > 0)
              done += k;
            else if (errno != EINTR)
              break;
          }
        ::close (fd);
        if (done < b.size)
          error_with_id ("Arcuate:LIMIT_EXCEEDED", "only %zu of %zu bytes fitted into shared memory", done, b.size);
      }
    std::string s (total, '\0');
    char *c = &s[0];
    auto u32 = [c] (std::size_t at, std::uint32_t x) { std::memcpy (c + at, &x, 4); };
    auto u64 = [c] (std::size_t at, std::uint64_t x) { std::memcpy (c + at, &x, 8); };
    std::memcpy (c, "ARCU\1\0\0\0", 8);
    u64 (8, total); u32 (16, n); u32 (20, m); u64 (24, p); u64 (32, t); u64 (40, head);
    c += 64;
    auto column = [&c] (const void *x, std::size_t size) { std::memcpy (c, x, size); c += size; };
    column (value.data (), 8 * n);
    column (pool.data (), 8 * p);
    for (Buffer& b : buffers)
      { std::uint64_t x = b.size; column (&x, 8); }
    for (Buffer& b : buffers)
      column (&b.place, 8);
    column (count.data (), 4 * n); column (klen.data (), 4 * n); column (tlen.data (), 4 * n);
    column (kind.data (), n); column (dtype.data (), n); column (flags.data (), n);
    c += n;
    column (text.data (), t);
    c = &s[0] + head;
    for (Buffer& b : buffers)
      if (! b.place)
        {
          std::memcpy (c, b.data, b.size);
          c += (b.size + 63) / 64 * 64;
        }
    put (s.data (), s.size ());
  }

  // ------------------------------------------------------------------ requests

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

DEFMETHOD_DLD (arcuate__native, interp, args, , "The compiled helper of the Octave worker; see helper.cc.")
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
