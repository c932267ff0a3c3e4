function value = ask (environment, name, varargin)
  % Calls a function of another language in the hub that runs this Octave.
  file = tempname ();
  out = fopen (file, "w");
  fputs (out, jsonencode (struct ("args", {varargin})));
  fclose (out);
  % the token goes through a pipe: arguments of programs can be seen by everybody on the machine
  header = "printf 'header = \"Authorization: Bearer %s\"' \"$ARCUATE_DELEGATED_TOKEN\"";
  url = sprintf ("\"$ARCUATE_DELEGATED_HTTP/v1/environments/%s/call/%s\"", environment, name);
  [~, text] = system ([header " | curl -s -K - -H 'Content-Type: application/json' -d @" file " " url]);
  delete (file);
  answer = jsondecode (text);
  if (isfield (answer, "error"))
    error ("%s", answer.error.message);
  end
  value = answer.value;
end
