## Bad input: each item ends in an error with the identifier of its code, soon. One block makes all of them from a list.

%!function e = last_error ()
%! e = arcuate.last_error ();
%!endfunction

%!function refused (identifier, varargin)
%! began = tic ();
%! try
%!   c = arcuate.open (varargin{:}, "transport", getenv ("ARCUATE_ROUTE"), "timeout", 2);
%! catch err
%!   assert (err.identifier, ["arcuate:" identifier]); assert (! isempty (err.message)); assert (toc (began) < 6);
%!   return;
%! end
%! error ("%s was accepted", varargin{1});
%!endfunction

%!test # hub down
%! refused ("ConnectionLost", getenv ("ARCUATE_DOWN"));
%! assert (last_error ().executed, "no");
%!test # garbage from what listens
%! if (! strcmp (getenv ("ARCUATE_ROUTE"), "zeromq"))
%!   refused ("ProtocolError", getenv ("ARCUATE_GARBAGE"));
%! end
%!test # wrong token, no token
%! refused ("AuthenticationFailed", [getenv("ARCUATE_LOCKED") "/python"], "token", "arcuate_wrong");
%! refused ("AuthenticationFailed", [getenv("ARCUATE_LOCKED") "/python"]);
%!test # the right one
%! c = arcuate.open ([getenv("ARCUATE_LOCKED") "/python"], "token", getenv ("ARCUATE_TOKEN"), "transport", getenv ("ARCUATE_ROUTE"));
%! assert (arcuate.call (c, "abs", -1), 1);
%! # oversized: this hub takes a megabyte
%! try
%!   arcuate.setvar (c, "x", zeros (1, 200000)); error ("no error");
%! catch err
%!   assert (err.identifier, "arcuate:LimitExceeded"); assert (last_error ().setting, "message");
%! end
%! assert (arcuate.call (c, "abs", -1), 1);
%!test # wrong environment, unknown function
%! refused ("EnvironmentNotFound", [getenv("ARCUATE_HUB") "/nowhere"]);
%! c = arcuate.open ([getenv("ARCUATE_HUB") "/python"], "transport", getenv ("ARCUATE_ROUTE"));
%! try, arcuate.call (c, "no_such"); error ("no error"); catch err, assert (err.identifier, "arcuate:NameNotFound"); end
%!test # more than this side accepts
%! c = arcuate.open ([getenv("ARCUATE_HUB") "/python"], "transport", getenv ("ARCUATE_ROUTE"), "limits", struct ("array", 100000));
%! try
%!   arcuate.evaluate (c, "b'x' * 200000"); error ("no error");
%! catch err
%!   assert (err.identifier, "arcuate:LimitExceeded");
%! end
%!test # lost in the middle of a large array: what listens cuts after some bytes, and does not come back
%! if (! strcmp (getenv ("ARCUATE_ROUTE"), "zeromq"))
%!   c = arcuate.open ([getenv("ARCUATE_CUT") "/python"], "transport", getenv ("ARCUATE_ROUTE"));
%!   try
%!     arcuate.evaluate (c, "bytes(3000000)"); error ("no error");
%!   catch err
%!     assert (err.identifier, "arcuate:ConnectionLost"); assert (last_error ().executed, "maybe");
%!   end
%! end
%!test # lengths that are none
%! for n = {"-5", "1e3", "5, 5", "x", "", "99999999999999999999"}
%!   h = arcuate.link.Http1 ("x", @() 0);
%!   h.buffer = uint8 (sprintf ("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nxxxx", n{1}))(:);
%!   try, h.read_head (0); error ("no error"); catch err, assert (err.identifier, "Arcuate:protocol"); end
%! end
%!error <no address of a hub> arcuate.open ("ftp://example/r")
%!error <has no option 'tokn'> arcuate.open ("http://127.0.0.1:1/r", "tokn", "x")
%!error <pairs> arcuate.named ("a")
%!error <there is no option 'time'> arcuate.options ("time", 1)
