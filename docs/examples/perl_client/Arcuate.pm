# A small client in Perl: scalars, texts, bytes, lists and mappings over HTTP. Core modules only.
package Arcuate;

use strict;
use warnings;
use B ();
use Encode ();
use HTTP::Tiny;
use JSON::PP ();

our $FRAMES = 'application/vnd.arcuate.frames';
my %DTYPE = (bool => 1, i1 => 2, i2 => 3, i4 => 4, i8 => 5, u1 => 6, u2 => 7, u4 => 8, u8 => 9, f2 => 10, f4 => 11, f8 => 12);
my %NAME = (reverse(%DTYPE), 0 => '', 13 => 'c8', 14 => 'c16', 15 => 'text', 16 => 'datetime', 17 => 'date', 18 => 'duration');
my %READ = (bool => ['C', 1], i4 => ['l<', 4], i8 => ['q<', 8], f8 => ['d<', 8]);
my @KIND = qw(null bool int float complex text bytes missing list mapping array labelled dataset table categorical
    datetime date duration sparse function handle);

# Errors: objects with the closed code, thrown by die.
package Arcuate::Error {
    use overload '""' => sub { "$_[0]{code}: $_[0]{message}" }, fallback => 1;
    sub throw { my ($class, $code, $message, %more) = @_; die bless {code => $code, message => $message, executed => 'no', %more}, $class }
    sub is { $_[0]{code} eq $_[1] }
}

# What Perl has no form for: a list that stays one where lists of numbers become vectors, and an ordered mapping, since a hash forgets the order of its keys.
package Arcuate::Mapping { sub new { my $class = shift; bless [@_], $class } sub get { my ($self, $key) = @_; $_->[0] eq $key and return $_->[1] for @$self; undef } }
package Arcuate::Bytes   { sub new { bless \(my $copy = $_[1]), $_[0] } }
package Arcuate::Typed   { sub new { my ($class, $dtype, $value) = @_; bless {dtype => $dtype, value => $value}, $class } }
package Arcuate::List    { sub new { my $class = shift; bless [@_], $class } }
package Arcuate::Missing { sub new { bless {dtype => $_[1]}, $_[0] } }

package Arcuate;

sub mapping { my @items; push @items, [splice @_, 0, 2] while @_; Arcuate::Mapping->new(@items) }
sub damaged { Arcuate::Error->throw(PROTOCOL_ERROR => "the frame is malformed: $_[0]") }

# Adler-32, in pieces short enough that the sums stay exact.
sub adler {
    my ($a, $b) = (1, 0);
    for (unpack 'C*', $_[0]) { $a = ($a + $_) % 65521; $b = ($b + $a) % 65521 }
    return $b << 16 | $a;
}

# --- Reading -------------------------------------------------------------------------------------------------

sub text_of {
    my $text = eval { Encode::decode('UTF-8', my $copy = $_[0], Encode::FB_CROAK) } // damaged('text that is not UTF-8');
    damaged('a NUL in a text') if index($text, "\0") >= 0;
    return $text;
}

sub decode {
    my ($frame) = @_;
    damaged('shorter than a head') if length $frame < 64;
    my ($magic, $major, undef, $total, $n, $m, $p, $t, $head, $flags, $sum, $zero) = unpack 'a4 v v Q< V V Q< Q< Q< V V Q<', $frame;
    damaged('no magic') if $magic ne 'ARCU';
    Arcuate::Error->throw(PROTOCOL_ERROR => "the frame has version $major, this client reads 1") if $major != 1;
    damaged('its length') if $total != length $frame || $total % 64 || $n < 1 || $n > $total || $m > $total || $p > $total || $t > $total;
    damaged('where its buffers start') if $head != 64 * int((64 + 24 * $n + 8 * $p + 16 * $m + $t + 63) / 64) || $head > $total || $zero || $flags & ~1;
    damaged('its checksum') if $flags & 1 && $sum != adler(substr($frame, 0, 52) . substr($frame, 56, $head - 56));
    my $at = 64;
    my $take = sub { my ($code, $size, $count) = @_; my @got = unpack "$code$count", substr $frame, $at, $size * $count; $at += $size * $count; \@got };
    my %f = (value => $take->('q<', 8, $n), pool => $take->('Q<', 8, $p), blen => $take->('Q<', 8, $m), bloc => $take->('Q<', 8, $m));
    $f{$_} = $take->('V', 4, $n) for qw(count klen tlen);
    $f{$_} = $take->('C', 1, $n) for qw(kind dtype flags unit);
    $f{text} = substr $frame, $at, $t;
    $f{buffers} = [];
    my $place = $head;
    for my $i (0 .. $m - 1) {
        damaged('a buffer that is not in it') if $f{bloc}[$i] || $f{blen}[$i] > $total - $place;
        push @{$f{buffers}}, substr $frame, $place, $f{blen}[$i];
        $place += 64 * int(($f{blen}[$i] + 63) / 64);
    }
    @f{qw(node chars pools buffer)} = (0, 0, 0, 0);
    my (undef, $value) = node(\%f, 0, '$');
    damaged('something is left over') if $f{node} != $n || $f{chars} != $t || $f{pools} != $p || $f{buffer} != $m || $place != $total;
    return $value;
}

sub node {
    my ($f, $depth, $path) = @_;
    damaged('it nests too deep') if $depth > 72;
    my $i = $f->{node}++;
    damaged('nodes are missing') if $i >= @{$f->{kind}};
    my ($kind, $dtype, $flags, $value, $count) = map { $f->{$_}[$i] } qw(kind dtype flags value count);
    damaged('text is missing') if $f->{chars} + $f->{klen}[$i] + $f->{tlen}[$i] > length $f->{text};
    my $key = text_of(substr $f->{text}, $f->{chars}, $f->{klen}[$i]);
    my $text = substr $f->{text}, $f->{chars} += $f->{klen}[$i], $f->{tlen}[$i];
    $f->{chars} += $f->{tlen}[$i];
    my $name = $KIND[$kind] // Arcuate::Error->throw(UNSUPPORTED => "kind $kind is not known - at $path", path => $path);
    damaged("a $name with children") if $count && $name !~ /^(list|mapping|array|labelled|dataset|table|categorical|function|handle)$/;
    my $typed = sub { $dtype ? Arcuate::Typed->new($NAME{$dtype} // damaged('an unknown dtype'), $_[0]) : $_[0] };
    return ($key, undef) if $name eq 'null';
    if ($name eq 'bool') { damaged('a bool of neither 0 nor 1') if $value & ~1; return ($key, $typed->($value ? JSON::PP::true : JSON::PP::false)) }
    return ($key, $typed->($flags & 1 || $dtype == $DTYPE{u8} ? unpack('Q<', pack 'q<', $value) : $value)) if $name eq 'int';
    return ($key, $typed->(unpack 'd<', pack 'q<', $value)) if $name eq 'float';
    return ($key, text_of($text)) if $name eq 'text';
    return ($key, Arcuate::Bytes->new($f->{buffers}[$f->{buffer}++] // damaged('a buffer is missing'))) if $name eq 'bytes';
    return ($key, Arcuate::Missing->new($dtype)) if $name eq 'missing';
    return ($key, vector($f, $i, $path)) if $name eq 'array';
    if ($name eq 'list' && !($flags & 4)) {
        my @items;
        push @items, (node($f, $depth + 1, "${path}[$_]"))[1] for 0 .. $count - 1;
        return ($key, \@items);
    }
    if ($name eq 'mapping') {
        my (@items, %seen);
        for (1 .. $count) {
            my @item = node($f, $depth + 1, "$path." . ($f->{node} - $i));
            damaged("the key '$item[0]' comes twice") if $seen{$item[0]}++;
            push @items, \@item;
        }
        return ($key, Arcuate::Mapping->new(@items));
    }
    Arcuate::Error->throw(UNSUPPORTED => "this client has no form for a value of the kind $name - at $path", path => $path);
}

# A plain list of scalars travels as an array that says so (flag 4). R and Octave, whose scalars are vectors of
# length 1, send those as arrays of one element.
sub vector {
    my ($f, $i, $path) = @_;
    my ($dtype, $size, $list) = ($NAME{$f->{dtype}[$i]} // damaged('an unknown dtype'), 1, $f->{flags}[$i] & 4);
    $size *= $f->{pool}[$f->{pools}++] // damaged('a shape is missing') for 1 .. $f->{count}[$i];
    my $what = "an array of $dtype";
    Arcuate::Error->throw(UNSUPPORTED => "this client has no form for $what - at $path", path => $path) if !$list && $size != 1 || !$READ{$dtype} && $dtype ne 'text';
    damaged('a list of more than one dimension') if $list && $f->{count}[$i] != 1;
    my $data = $f->{buffers}[$f->{buffer}++] // damaged('a buffer is missing');
    my $mask = $f->{flags}[$i] & 1 ? $f->{buffers}[$f->{buffer}++] // damaged('a mask is missing') : undef;
    my @items;
    if ($dtype eq 'text') {
        damaged('a text without its end') if $data ne '' && substr($data, -1) ne "\0";
        @items = map { text_of($_) } $data =~ /([^\0]*)\0/g;
    }
    else {
        my ($code, $bytes) = @{$READ{$dtype}};
        damaged('data of another length') if length $data != $bytes * $size;
        @items = unpack "$code*", $data;
        @items = map { $_ > 1 ? damaged('a bool above 1') : $_ ? JSON::PP::true : JSON::PP::false } @items if $dtype eq 'bool';
    }
    damaged('elements are missing') if @items != $size;
    if (defined $mask) {
        my @missing = unpack 'C*', $mask;
        damaged('its mask') if @missing != $size || grep { $_ > 1 } @missing;
        @items = map { $missing[$_] ? Arcuate::Missing->new($list ? 0 : $f->{dtype}[$i]) : $items[$_] } 0 .. $#items;
    }
    return $list ? \@items : $items[0];
}

# --- Writing -------------------------------------------------------------------------------------------------

sub encode {
    my ($value) = @_;
    my %f = (value => '', pool => [], count => '', klen => '', tlen => '', kind => '', dtype => '', flags => '', text => '', buffers => []);
    put(\%f, $value, '', 0, '$');
    my ($n, $m) = (length $f{kind}, scalar @{$f{buffers}});
    my $parts = $f{value} . pack('Q<*', @{$f{pool}}) . pack('Q<*', map { length } @{$f{buffers}}) . pack('Q<*', (0) x $m) . $f{count} . $f{klen} . $f{tlen} . $f{kind} . $f{dtype} . $f{flags} . "\0" x $n . $f{text};
    my $padded = sub { $_[0] . "\0" x (-length($_[0]) % 64) };
    $parts = $padded->($parts);
    my $buffers = join '', map { $padded->($_) } @{$f{buffers}};
    my $head = 64 + length $parts;
    my $first = pack 'a4 v v Q< V V Q< Q< Q< V', 'ARCU', 1, 0, $head + length $buffers, $n, $m, scalar @{$f{pool}}, length $f{text}, $head, 1;
    my $zero = pack 'Q<', 0;
    return $first . pack('V', adler($first . $zero . $parts)) . $zero . $parts . $buffers;
}

sub put {
    my ($f, $value, $key, $depth, $path) = @_;
    my $refuse = sub { Arcuate::Error->throw(CONVERSION => "$_[0] - at $path", path => $path) };
    $refuse->('values nest at most 64 deep') if $depth > 72;
    my $utf8 = sub { $_[0] =~ /[\0\x{d800}-\x{dfff}]/ ? $refuse->('a text holds no NUL and no surrogate; send Arcuate::Bytes') : Encode::encode('UTF-8', $_[0]) };
    my $row = sub {
        my ($kind, $number, %more) = @_;
        my ($k, $t) = ($utf8->($key), $more{text} // '');
        $f->{value} .= $number;
        $f->{count} .= pack 'V', $more{count} // 0;
        $f->{klen} .= pack 'V', length $k;
        $f->{tlen} .= pack 'V', length $t;
        $f->{$_} .= pack 'C', $more{$_} // 0 for qw(dtype flags);
        $f->{kind} .= pack 'C', $kind;
        $f->{text} .= $k . $t;
    };
    my $none = pack 'Q<', 0;
    my $dtype = 0;
    if (ref $value eq 'Arcuate::Typed') { $dtype = $DTYPE{$value->{dtype}} // $refuse->("no dtype $value->{dtype}"); $value = $value->{value} }
    if (!defined $value) { $row->(0, $none) }
    elsif (JSON::PP::is_bool($value)) { $row->(1, pack('Q<', $value ? 1 : 0), dtype => $dtype) }
    elsif (ref $value eq 'Arcuate::Bytes') { $row->(6, $none); push @{$f->{buffers}}, $$value }
    elsif (ref $value eq 'Arcuate::Missing') { $row->(7, $none, dtype => $value->{dtype}) }
    elsif (ref $value eq 'ARRAY' || ref $value eq 'Arcuate::List') {
        my %kinds = map { (plain($_) => 1) } @$value;
        my ($name, @others) = keys %kinds;
        if ($name && !@others && ref $value eq 'ARRAY') {    # a list of scalars of one kind: an array that says so, for languages that have vectors
            $row->(10, $none, dtype => $name eq 'text' ? 15 : $DTYPE{$name}, flags => 4, count => 1);
            push @{$f->{pool}}, scalar @$value;
            push @{$f->{buffers}}, $name eq 'text' ? join '', map { $utf8->($_) . "\0" } @$value : pack {bool => 'C*', i8 => 'q<*', f8 => 'd<*'}->{$name}, map { $name eq 'bool' ? !!$_ : $_ } @$value;
            return;
        }
        $row->(8, $none, count => scalar @$value, flags => ref $value eq 'ARRAY' ? 0 : 2);
        put($f, $value->[$_], '', $depth + 1, "${path}[$_]") for 0 .. $#$value;
    }
    elsif (ref $value eq 'Arcuate::Mapping') {
        my %seen;
        $row->(9, $none, count => scalar @$value);
        for (@$value) {
            $refuse->("the key '$_->[0]' comes twice") if $seen{$_->[0]}++;
            put($f, $_->[1], $_->[0], $depth + 1, "$path.$_->[0]");
        }
    }
    elsif (ref $value) { $refuse->('no form for ' . ref $value) }
    elsif (plain($value) eq 'text') { $row->(5, $none, text => $utf8->($value)) }
    elsif (plain($value) eq 'f8') { $row->(3, pack('d<', $value), dtype => $dtype) }
    else { my $unsigned = plain($value) eq ''; $row->(2, pack($unsigned ? 'Q<' : 'q<', $value), dtype => $dtype, flags => $unsigned && !$dtype ? 1 : 0) }
}

# What kind of scalar it is: Perl knows whether it holds a text, an integer or a float. '' for what is no element of a vector.
sub plain {
    return JSON::PP::is_bool($_[0]) ? 'bool' : '' if ref $_[0] || !defined $_[0];
    my $is = B::svref_2object(\$_[0])->FLAGS;
    return $is & B::SVf_POK ? 'text' : !($is & B::SVf_IOK) ? 'f8' : $is & B::SVf_IVisUV ? '' : 'i8';
}

# --- A session over HTTP -------------------------------------------------------------------------------------

sub connect {
    my ($class, $url, %options) = @_;
    my ($base, $environment) = $url =~ m{^(http://[^/]+)/([^/]+)$} or Arcuate::Error->throw(INVALID_ARGUMENT => "'$url' is not http://host:port/environment");
    my %headers = ('Content-Type' => $FRAMES, Accept => $FRAMES);
    $headers{Authorization} = "Bearer $options{token}" if defined $options{token};
    my $self = bless {base => $base, http => HTTP::Tiny->new(timeout => $options{timeout} // 60, default_headers => \%headers), id => 0}, $class;
    $self->{hello} = $self->post("/v1/hello", mapping(op => 'hello', id => 0, major => 1, minor => 0, agent => 'arcuate-perl'))->{last};
    my $greeting = $self->post("/v1/sessions", mapping(op => 'open', id => ++$self->{id}, environment => $environment))->{last}->get('value');
    $self->{path} = '/v1/sessions/' . $greeting->get('session');
    $self->{secret} = $greeting->get('secret');
    $self->{greeting} = $greeting;
    return $self;
}

# --8<-- [start:post]
# Sends one message and reads frames until its reply; what is said before goes to standard output.
sub post {
    my ($self, $path, $message) = @_;
    my %headers = $self->{secret} ? ('Arcuate-Secret' => $self->{secret}) : ();
    my $answer = $self->{http}->request(POST => $self->{base} . $path, {content => encode($message), headers => \%headers});
    if ($answer->{status} == 599) {    # HTTP::Tiny's own errors
        my $begun = $answer->{content} =~ /^Could not connect/ ? 'no' : 'maybe';
        Arcuate::Error->throw(CONNECTION_LOST => "the hub at $self->{base} cannot be reached: $answer->{content}", executed => $begun);
    }
    my ($body, $last, $output) = ($answer->{content}, undef, '');
    Arcuate::Error->throw(PROTOCOL_ERROR => "the hub answered $answer->{status}: not a hub?", executed => 'maybe') if ($answer->{headers}{'content-type'} // '') ne $FRAMES;
    while (length $body) {
        my $length = length $body < 64 ? 0 : unpack 'x8 Q<', $body;
        Arcuate::Error->throw(CONNECTION_LOST => 'the answer was cut', executed => 'maybe') if $length < 64 || $length > length $body;
        $last = decode(substr $body, 0, $length, '');
        my $text = $last->get('text');
        $output .= $text if $last->get('op') eq 'event' && ($last->get('type') // '') eq 'stdout';
    }
    Arcuate::Error->throw(CONNECTION_LOST => 'the answer ends before its reply', executed => 'maybe') if !$last || $last->get('op') eq 'event';
    if ($last->get('op') eq 'error') {
        my %all = map { ($_ => $last->get($_)) } qw(code message executed class stack path setting);
        Arcuate::Error->throw(delete $all{code}, delete $all{message}, %all);
    }
    return {last => $last, output => $output};
}

# --8<-- [end:post]
sub request {
    my ($self, $op, @fields) = @_;
    my $done = $self->post("$self->{path}/messages", mapping(op => $op, id => ++$self->{id}, @fields));
    print $done->{output} if length $done->{output} && !$self->{quiet};
    $self->{output} = $done->{output};
    return $done->{last}->get('value');
}

sub call { my ($self, $name, @args) = @_; $self->request('call', name => $name, args => Arcuate::List->new(@args)) }
sub eval { my ($self, $code) = @_; $self->request('eval', code => $code) }
sub run  { my ($self, $code) = @_; $self->request('run', code => $code) }
sub get  { my ($self, $name) = @_; $self->request('get', name => $name) }
sub set  { my ($self, $name, $value) = @_; $self->request('set', name => $name, value => $value) }
sub close { my ($self) = @_; $self->request('close') if delete $self->{greeting}; }

1;
