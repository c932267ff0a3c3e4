function [curve, p, mu] = fit_trend (x, degree)
  % A polynomial in time, fitted to a labelled series. The curve has the labels of the series.
  t = x.coords.time.data;
  [p, ~, mu] = polyfit (t, x.data, degree);
  curve = x;
  curve.data = polyval (p, t, [], mu);
  curve.name = 'trend';
end
