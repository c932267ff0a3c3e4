// The two pipes to the host: reading and writing whole frames.
// A part of native.cc, included there once.

namespace
{
  struct Fallback {};   // this value is for the Octave code

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
}
