## Sessions with a real hub, over the route in ARCUATE_ROUTE to the hub in ARCUATE_HUB.

%!function e = last_error ()
%! e = arcuate.last_error ();
%!endfunction

%!shared c
%! c = arcuate.open ([getenv("ARCUATE_HUB") "/python"], "transport", getenv ("ARCUATE_ROUTE"), "output", @(stream, text) 0);

%!test # calls: arguments, names, outputs
%! assert (arcuate.call (c, "math.hypot", 3, 4), 5);
%! assert (arcuate.call (c, "int", "ff", arcuate.named ("base", int32 (16))), 255);
%! [a, b] = arcuate.call (c, "divmod", 7.5, 2);
%! assert ([a, b], [3, 1.5]);
%!test # a hub that was not listened to for long is asked before it counts as gone
%! if (strcmp (getenv ("ARCUATE_ROUTE"), "zeromq"))
%!   link = c.state.link;
%!   link.heard = tic () - uint64 (60e6);
%!   assert (isempty (link.receive (0.05, false)));
%!   while (link.asked), link.receive (0.2, false); end # until it has answered
%!   link.heard = link.since = tic () - uint64 (60e6); link.asked = true;
%!   fail ("link.receive (0.05, false)", "has not answered for 6");
%!   link.asked = false; link.heard = tic ();
%!   assert (arcuate.call (c, "abs", -1), 1);
%! end
%!test # variables
%! arcuate.setvar (c, "x", [1, 2; 3, 4]);
%! assert (arcuate.getvar (c, "x"), [1, 2; 3, 4]);
%! assert (any (strcmp ("x", arcuate.list (c)))); assert (arcuate.exists (c, "x"));
%! arcuate.remove (c, "x");
%! assert (! arcuate.exists (c, "x"));
%! fail ("arcuate.getvar (c, 'x')", "arcuate:NameNotFound|'x'");
%!test # what is printed comes while it runs
%! global said; said = {};
%! p = arcuate.start (c, "import time\nprint('one', flush=True)\nwhile True: time.sleep(0.01)", ...
%!                    arcuate.options ("output", @(s, t) evalin ("base", "0;")));
%! assert (! arcuate.done (p, 0.2));
%! arcuate.cancel (p);
%! fail ("arcuate.value (p)", "");
%!test # an error: the foreign message, classes and stack
%! try
%!   arcuate.evaluate (c, "1/0");
%!   error ("no error");
%! catch err
%!   assert (err.identifier, "arcuate:RemoteError"); assert (err.message, "division by zero");
%!   e = arcuate.last_error ();
%!   assert (e.class{1}, "ZeroDivisionError"); assert (e.executed, "yes"); assert (numel (e.stack) > 0);
%! end
%!test # functions as arguments; an error of one comes back as what it was
%! assert (arcuate.call (c, "list", arcuate.keep (c, "map", @(k) k + 1, [1, 2, 3])), {[2, 3, 4]});
%! try
%!   arcuate.call (c, "list", arcuate.keep (c, "map", @(k) error ("my:id", "native failure"), [1, 2, 3]));
%!   error ("no error");
%! catch err
%!   assert (err.identifier, "my:id");
%! end
%!test # a call from inside a callback
%! f = @(k) arcuate.call (c, "abs", -k);
%! assert (arcuate.call (c, "list", arcuate.keep (c, "map", f, {1, 2})), [1, 2]);
%!test # objects that stay there
%! h = arcuate.keep (c, "list", {1, "b"});
%! assert (h.classes{1}, "list"); assert (evalc ("disp (h)"), [h.summary "\n"]);
%! assert (arcuate.call (c, "len", h), 2);
%! assert (arcuate.index (h, int32 (1)), "b");
%! arcuate.release (h);
%! fail ("arcuate.call (c, 'len', h)", "was released");
%!test # calls in progress
%! p = arcuate.submit (c, "time.sleep", 0.05);
%! arcuate.value (p);
%! assert (arcuate.done (p));
%! q = arcuate.submit (c, "time.sleep", 60);
%! arcuate.cancel (q);
%! try, arcuate.value (q); error ("no error"); catch err, assert (err.identifier, "arcuate:CallCancelled"); end
%! assert (arcuate.call (c, "abs", -2), 2);
%!test # a deadline; the session is usable afterwards
%! try
%!   arcuate.call (c, "time.sleep", 60, arcuate.options ("timeout", 0.2)); error ("no error");
%! catch err
%!   assert (err.identifier, "arcuate:CallTimeout");
%! end
%! assert (arcuate.call (c, "abs", -2), 2);
%!test # streams
%! topic = ["octave-" getenv("ARCUATE_ROUTE")];
%! n = arcuate.publish (c, topic, "first");
%! s = arcuate.subscribe (c, topic, "from", n);
%! x = arcuate.sample (s, 10);
%! assert (x.value, "first"); assert (x.lost, 0);
%! assert (arcuate.sample (s, 0), []);
%! arcuate.publish (c, topic, {1, "b"});
%! x = arcuate.sample (s, 10);
%! assert (x.value, {1, "b"});
%! arcuate.unsubscribe (s);
%!test # large arrays, in both directions
%! a = rand (500, 1000);
%! assert (isequal (arcuate.call (c, "numpy.asarray", a), a));
%!test # what the hub offers, and help
%! e = arcuate.environments (c);
%! assert (any (strcmp ({e.name}, "python")));
%! d = arcuate.describe (c, "math.sqrt");
%! assert (! isempty (strfind (d.doc, "square root")));
%!test # labels
%! s = struct ("arcuate", "labelled", "data", [1, 2; 3, 4], "name", "eeg", "attrs", struct ("unit", "uV"));
%! s.dims = {"channel", "time"};
%! s.coords.channel = struct ("data", {{"Fz", "Cz"}}, "attrs", struct ()); s.coords.channel.dims = {"channel"};
%! arcuate.setvar (c, "eeg", s);
%! assert (arcuate.evaluate (c, "float(eeg.sel(channel='Cz')[1])"), 4);
%! t = arcuate.getvar (c, "eeg");
%! assert (t.dims, s.dims); assert (t.coords.channel.data, {"Fz", "Cz"}); assert (t.attrs, s.attrs); assert (t.name, "eeg");
%!test # what cannot travel says where
%! try
%!   arcuate.call (c, "len", {1, inputParser()}); error ("no error");
%! catch err
%!   assert (err.identifier, "arcuate:ConversionError"); assert (last_error ().path, "$.args[0][1]");
%!   assert (last_error ().executed, "no");
%! end
%!test # the same hub's other languages: an object of one session is a function in another
%! arcuate.close (c);
%! fail ("arcuate.call (c, 'abs', 1)", "was closed");
