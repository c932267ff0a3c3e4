function a = amplitude (x, per_year)
  % Amplitudes of a labelled array along its first dimension: the dimension `time` becomes `frequency`, others stay.
  series = x.data;
  if numel (x.dims) == 1
    series = series(:);
  end
  n = rows (series);
  keep = 2 : floor (n / 2) + 1;
  z = 2 * abs (fft (series)) / n;
  a = x;
  a.data = z(keep, :);
  a.dims{1} = 'frequency';
  a.coords = rmfield (x.coords, intersect (fieldnames (x.coords), {'time', 'date', 'month'}));
  a.coords.frequency = struct ('dims', {{'frequency'}}, 'data', (keep - 1) * per_year / n, 'attrs', struct ('units', '1/year'));
  if numel (x.dims) == 1
    a.data = a.data.';
  end
end
