function [url, token] = inside(url, token)
%INSIDE What hub:///r stands for: the hub that has started this interpreter, and the token that it gave for this.
if ~strncmp(url, 'hub://', 6)
    return
end
place = url(7:end);
if ~isempty(place) && place(1) ~= '/'
    arcuate.wire.fail('INVALID_ARGUMENT', sprintf( ...
        '''%s'' names a host; the hub that started this interpreter is hub:///%s', url, place));
end
address = getenv('ARCUATE_DELEGATED_HTTP');
own = getenv('ARCUATE_DELEGATED_TOKEN');
if isempty(address) || isempty(own)
    arcuate.wire.fail('INVALID_ARGUMENT', sprintf(['''%s'' is the hub that has started this interpreter, and none ' ...
        'has, or it does not allow that (ARCUATE_DELEGATED_HTTP and ARCUATE_DELEGATED_TOKEN are not set); give the ' ...
        'address of a hub'], url));
end
url = [address place];
if isempty(token)
    token = own;
end
end
