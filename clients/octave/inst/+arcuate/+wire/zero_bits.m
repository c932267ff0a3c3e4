function z = zero_bits(bits)
%ZERO_BITS Which of the 8-byte values in a column of bytes are 0, whatever they are read as.
z = typecast(bits(:), 'uint64') == 0;
z = z(:);
end
