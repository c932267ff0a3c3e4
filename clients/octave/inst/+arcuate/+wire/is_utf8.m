function ok = is_utf8(bytes)
%IS_UTF8 Whether a row of uint8 is UTF-8 (RFC 3629): no overlong form, no surrogate, nothing beyond U+10FFFF.
b = reshape(double(bytes), 1, []);
if all(b < 128)
    ok = true;
    return
end
b = [b, 0, 0, 0]; % so that a sequence that is cut short meets what it may not
follow = b >= 128 & b < 192;
two = b >= 194 & b < 224; three = b >= 224 & b < 240; four = b >= 240 & b < 245;
want = [false, two(1:end-1) | three(1:end-1) | four(1:end-1)];
want = want | [false, false, three(1:end-2) | four(1:end-2)] | [false, false, false, four(1:end-3)];
next = [b(2:end), 0];
ok = ~any(b == 192 | b == 193 | b > 244) && isequal(follow, want) && ...
    ~any(b == 224 & next < 160) && ~any(b == 237 & next > 159) && ~any(b == 240 & next < 144) && ...
    ~any(b == 244 & next > 143);
end
