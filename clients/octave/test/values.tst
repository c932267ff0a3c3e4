## Values without a hub: what is written is read again, and what is malformed is refused.

%!function e = last_error ()
%! e = arcuate.last_error ();
%!endfunction

%!function same (v)
%! w = arcuate.unpack (arcuate.pack (v));
%! assert (class (w), class (v));
%! assert (size (w), size (v));
%! assert (isequaln (w, v));
%!endfunction

%!test # numbers of each class, and what is no number
%! same (pi); same (single (0.1)); same (-0.5+2i); same (int8 (-128)); same (intmax ("uint64")); same (intmin ("int64"));
%! same (true); same ([NaN, Inf, -Inf]); same (zeros (0, 3)); same (rand (2, 3, 4)); same (complex ([1, 2], 0));
%!test # NA stays apart from NaN, in both directions
%! x = arcuate.unpack (arcuate.pack ([1, NA, NaN]));
%! assert (isna (x), [false, true, false]);
%! assert (isnan (x), [false, true, true]);
%! assert (isna (arcuate.unpack (arcuate.pack (single (NA)))));
%! b = arcuate.pack (1.5); % a number that is made one with the bits of NA
%! b(strfind (char (b), char (typecast (1.5, "uint8"))) + (0:7)) = typecast (NA, "uint8");
%! sum32 = arcuate.wire.adler ([b(1:52), b(57:end)]);
%! b(53:56) = typecast (uint32 (sum32), "uint8");
%! x = arcuate.unpack (b);
%! assert (isnan (x) && ! isna (x));
%!test # -0 is not 0
%! assert (1 / arcuate.unpack (arcuate.pack (-0)), -Inf);
%!test # texts, of any script
%! same ("žluť 猫 😀"); same (""); same ({"a", "", "é"}); same (["ab"; "cd"]);
%!test # cells, structs, keys that are no identifiers
%! same ({1, {"a", int8(2)}; [], true}); same (struct ("a", {1, 2, 3}));
%! s = struct (); s.("1 a") = 1; s.("ü") = {2};
%! same (s);
%!test # sparse matrices
%! same (sparse ([1, 0; 0, 2.5])); same (sparse ([true, false])); same (sparse ([1i, 0]));
%!test # its entries, where some are zeros or share a place; what was edited wrongly is refused
%! s = struct ("arcuate", "sparse", "shape", [2, 2], "rows", [0; 0; 1], "columns", [0; 0; 1], "data", [0.5; 0; -0]);
%! w = arcuate.unpack (arcuate.pack (s));
%! assert (w, s); assert (1 / w.data(3), -Inf);
%! s.rows(1) = 2;
%! fail ("arcuate.pack (s)", "count from 0");
%!test # a map
%! m = arcuate.unpack (arcuate.pack (containers.Map ({"a b", "c"}, {1, "x"})));
%! assert (m.keys (), {"a b", "c"}); assert (m("c"), "x");
%!test # 64 levels pass, 65 do not
%! v = 1;
%! for j = 1:64, v = {v}; end
%! assert (isequal (arcuate.unpack (arcuate.pack (v)), v));
%! fail ("arcuate.pack ({v})", "nests deeper than 64");
%!error <holds a NUL> arcuate.pack (["a", 0, "b"])
%!error <no valid text> arcuate.pack (char ([200, 200]))
%!test # the path of what cannot travel
%! try
%!   arcuate.pack (struct ("a", {{1, inputParser()}}));
%!   error ("not refused");
%! catch err
%!   assert (err.identifier, "arcuate:ConversionError");
%!   assert (last_error ().path, "$.a[1]");
%! end
%!test # each byte of the tables is covered: one that was changed is noticed
%! b = arcuate.pack ({1, "text", [1, 2, 3]});
%! head = double (typecast (b(41:48), "uint64"));
%! for k = 1:7:head
%!   c = b; c(k) = bitxor (c(k), 64);
%!   try
%!     arcuate.unpack (c);
%!     error ("byte %d", k);
%!   catch err
%!     assert (any (strcmp (err.identifier, {"arcuate:ProtocolError", "arcuate:LimitExceeded"})));
%!   end
%! end
%!test # every beginning of a frame is refused
%! b = arcuate.pack ({1, "text", [1, 2, 3]});
%! for k = 0:32:numel (b) - 1
%!   try
%!     arcuate.unpack (b(1:k));
%!     error ("%d bytes", k);
%!   catch err
%!     assert (err.identifier, "arcuate:ProtocolError");
%!   end
%! end
%!test # UTF-8 as RFC 3629 has it
%! good = {"41", "c3a9", "e28882", "f09f9880", "ed9fbf", "ee8080", "f48fbfbf"};
%! bad = {"80", "c3", "c080", "c1bf", "e08080", "eda080", "f0808080", "f4908080", "f5808080", "ff", "e282", "c3a9a9"};
%! bytes = @(h) uint8 (hex2dec (reshape (h, 2, []).')).';
%! assert (cellfun (@(h) arcuate.wire.is_utf8 (bytes (h)), good));
%! assert (! cellfun (@(h) arcuate.wire.is_utf8 (bytes (h)), bad));
%!test # RFC 1950
%! assert (arcuate.wire.adler (uint8 ("Wikipedia")), hex2dec ("11E60398"));
