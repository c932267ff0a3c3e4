// Octave values to frames, as arcuate__encode.m does it.
// A part of native.cc, included there once.

namespace
{
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
            // octave_value (array) would be a real array where there are no imaginary parts, and free this one.
            buffers.back ().keep = octave_value (new octave_complex_matrix (a));
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
    std::string op = m.contents ("op").string_value ();
    if (op != "segment" && op != "raise")   // the host has given this call up
      error_with_id ("Arcuate:interrupted", "the call was interrupted");
    if (op == "raise")
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
}
