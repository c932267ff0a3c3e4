// Frames to Octave values, as arcuate__decode.m does it.
// A part of native.cc, included there once.

namespace
{
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

    // A NaN with the bits of Octave's NA is a number: what is missing is marked in the frame, not by bits.
    template <typename U> static void tame (void *data, std::uint64_t bytes, U na, U nan)
    {
      typedef U __attribute__ ((may_alias)) Bits;
      Bits *x = static_cast<Bits *> (data);
      std::uint64_t k = bytes / sizeof (U);
      unsigned found = 0;
      for (std::uint64_t j = 0; j < k; j++)
        found |= x[j] == na;
      for (std::uint64_t j = 0; found && j < k; j++)
        if (x[j] == na)
          x[j] = nan;
    }

    static void tame (void *data, std::uint64_t bytes, int width)
    {
      if (width == 8)
        tame<std::uint64_t> (data, bytes, 0x7FF840F440000000, 0x7FF8000000000000);
      else if (width == 4)
        tame<std::uint32_t> (data, bytes, 0x7FC207A2, 0x7FC00000);
    }

    // Copies the next buffer; of floating-point numbers with their width, so that none of them is NA.
    void fetch (void *target, std::uint64_t bytes, int width = 0)
    {
      if (size () != bytes)
        throw Fallback ();
      std::uint64_t place = get<std::uint64_t> (bloc + 8 * ib++);
      if (! place)
        {
          std::memcpy (target, base + at, bytes);
          tame (target, bytes, width);
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
          std::uint64_t piece = bytes - done;
          if (width && piece > 1 << 19)   // looked at while it is in the cache
            piece = 1 << 19;
          ssize_t k = ::pread (fd, to + done, piece, done);
          if (k > 0)
            {
              if (width && ! (done % width) && ! (k % width))
                tame (to + done, k, width);
              else if (width)
                throw Fallback ();   // a read that ended within a number: never seen of a file
              done += k;
            }
          else if (k == 0 || errno != EINTR)
            break;
        }
      ::close (fd);
      if (done < bytes)
        throw Fallback ();
    }

    template <typename A> octave_value load (const dim_vector& dims, int width = 0)
    {
      A a (dims);
      fetch (a.fortran_vec (), a.numel () * sizeof (*a.data ()), width);
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
        case 11: return load<FloatNDArray> (dims, 4);
        case 12:
          {
            NDArray a (dims);
            double *x = a.fortran_vec ();
            fetch (x, 8 * a.numel (), 8);
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
        // Not octave_value (array), which makes a real array of one without imaginary parts.
        case 13:
          {
            FloatComplexNDArray a (dims);
            fetch (a.fortran_vec (), a.numel () * sizeof (FloatComplex), 4);
            return octave_value (new octave_float_complex_matrix (a));
          }
        case 14:
          {
            ComplexNDArray a (dims);
            fetch (a.fortran_vec (), a.numel () * sizeof (Complex), 8);
            return octave_value (new octave_complex_matrix (a));
          }
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
            tame (&bits, 8, 8);
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
}
