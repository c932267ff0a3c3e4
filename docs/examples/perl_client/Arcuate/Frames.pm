# Values as frames (protos/frames.md): scalars, texts, bytes, lists, mappings and arrays. Core modules only.
package Arcuate::Frames;

use strict;
use warnings;
use B ();
use Exporter 'import';
use JSON::PP ();
use POSIX ();

our @EXPORT_OK = qw(decode encode mapping);
our $LEVELS = 8;    # how much deeper a message may be than the value in it
my %DTYPE = (bool => 1, i1 => 2, i2 => 3, i4 => 4, i8 => 5, u1 => 6, u2 => 7, u4 => 8, u8 => 9, f2 => 10, f4 => 11, f8 => 12,
    c8 => 13, c16 => 14, text => 15, datetime => 16, date => 17, duration => 18);
my %NAME = (reverse(%DTYPE), 0 => '');
my %SIZE = (bool => 1, i1 => 1, i2 => 2, i4 => 4, i8 => 8, u1 => 1, u2 => 2, u4 => 4, u8 => 8, f2 => 2, f4 => 4, f8 => 8, c8 => 8, c16 => 16, datetime => 8, date => 4, duration => 8);
my %READ = (bool => 'C', i1 => 'c', i2 => 's<', i4 => 'l<', i8 => 'q<', u1 => 'C', u2 => 'S<', u4 => 'L<', u8 => 'Q<', f4 => 'f<', f8 => 'd<', c8 => 'f<', c16 => 'd<', datetime => 'q<', date => 'l<', duration => 'q<');
my %PLAIN = map { ($_ => 1) } qw(bool i4 i8 f8 text);    # dtypes whose elements are Perl's own scalars
my $DEPTH = 64;    # how deep a value nests
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
package Arcuate::Map     { our @ISA = 'Arcuate::Mapping' }    # from a map object, which Octave tells from a struct
package Arcuate::Bytes   { sub new { bless \(my $copy = $_[1]), $_[0] } }
package Arcuate::Typed   { sub new { my ($class, $dtype, $value) = @_; bless {dtype => $dtype, value => $value}, $class } }
package Arcuate::List    { sub new { my $class = shift; bless [@_], $class } }
package Arcuate::Array   { sub new { my ($class, %is) = @_; bless {%is}, $class } }    # dtype, shape, items (undef where missing), order, unit, zone
package Arcuate::Complex { sub new { my ($class, $re, $im) = @_; bless {re => $re, im => $im}, $class } }
package Arcuate::Cells   { sub new { my ($class, $shape, @items) = @_; bless {shape => $shape, items => [@items]}, $class } }
package Arcuate::Missing { sub new { bless {dtype => $_[1]}, $_[0] } }

package Arcuate::Frames;

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
    my $text = $_[0];
    damaged('text that is not UTF-8') if !utf8::decode($text) || $text =~ /[\x{d800}-\x{dfff}]|[^\0-\x{10ffff}]/;
    damaged('a NUL in a text') if index($text, "\0") >= 0;
    return $text;
}

# `levels`: what the message around a value adds to its depth. `vectors`: an array of one element is a scalar, as R and Octave mean it.
sub decode {
    my ($frame, %options) = @_;
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
    @f{qw(node chars pools buffer deepest vectors)} = (0, 0, 0, 0, $DEPTH + ($options{levels} // 0), $options{vectors});
    my (undef, $value) = node(\%f, 0, '$');
    damaged('something is left over') if $f{node} != $n || $f{chars} != $t || $f{pools} != $p || $f{buffer} != $m || $place != $total;
    return $value;
}

sub node {
    my ($f, $depth, $path, $named) = @_;
    my $i = $f->{node}++;
    damaged('nodes are missing') if $i >= @{$f->{kind}};
    my ($kind, $dtype, $flags, $value, $count) = map { $f->{$_}[$i] } qw(kind dtype flags value count);
    damaged('text is missing') if $f->{chars} + $f->{klen}[$i] + $f->{tlen}[$i] > length $f->{text};
    damaged('a key where none belongs') if $f->{klen}[$i] && !$named;
    my $key = text_of(substr $f->{text}, $f->{chars}, $f->{klen}[$i]);
    my $text = substr $f->{text}, $f->{chars} += $f->{klen}[$i], $f->{tlen}[$i];
    $f->{chars} += $f->{tlen}[$i];
    my $name = $KIND[$kind] // Arcuate::Error->throw(UNSUPPORTED => "kind $kind is not known - at $path", path => $path);
    damaged("a $name with children") if $count && $name !~ /^(list|mapping|array|labelled|dataset|table|categorical|function|handle)$/;
    Arcuate::Error->throw(CONVERSION => "values nest at most $DEPTH deep - at $path", path => $path)
        if $depth >= $f->{deepest} && ($name =~ /^(list|mapping)$/ || $name eq 'array' && $flags & 4);
    fits($name, $NAME{$dtype} // '', $value) or damaged("a $name that its class does not hold") if $dtype && $name =~ /^(bool|int|float)$/;
    my $typed = sub { $dtype ? Arcuate::Typed->new($NAME{$dtype} // damaged('an unknown dtype'), $_[0]) : $_[0] };
    return ($key, undef) if $name eq 'null';
    if ($name eq 'bool') { damaged('a bool of neither 0 nor 1') if $value & ~1; return ($key, $typed->($value ? JSON::PP::true : JSON::PP::false)) }
    return ($key, $typed->($flags & 1 || $dtype == $DTYPE{u8} ? unpack('Q<', pack 'q<', $value) : $value)) if $name eq 'int';
    return ($key, $typed->(unpack 'd<', pack 'q<', $value)) if $name eq 'float';
    if ($name eq 'complex') {
        my @parts = map { unpack 'd<', pack 'Q<', $f->{pool}[$f->{pools}++] // damaged('a number is missing') } 1, 2;
        return ($key, $typed->(Arcuate::Complex->new(@parts)));
    }
    return ($key, text_of($text)) if $name eq 'text';
    return ($key, Arcuate::Bytes->new($f->{buffers}[$f->{buffer}++] // damaged('a buffer is missing'))) if $name eq 'bytes';
    return ($key, Arcuate::Missing->new($dtype)) if $name eq 'missing';
    return ($key, vector($f, $i, $path)) if $name eq 'array';
    if ($name eq 'list' && !($flags & 8)) {
        my ($size, $dimensions, @items) = (1, $flags & 4 ? $f->{pool}[$f->{pools}++] // 1 : 0);
        damaged('a shape is missing') if $dimensions > @{$f->{pool}} - $f->{pools};
        my @shape = map { $f->{pool}[$f->{pools}++] } 1 .. $dimensions;
        $size *= $_ for @shape;
        damaged('a list of another shape') if $flags & 4 && $size != $count;
        push @items, (node($f, $depth + 1, "${path}[$_]"))[1] for 0 .. $count - 1;
        return ($key, $flags & 4 ? Arcuate::Cells->new(\@shape, @items) : \@items);
    }
    if ($name eq 'mapping') {
        my (@items, %seen);
        for (1 .. $count) {
            my @item = node($f, $depth + 1, "$path." . ($f->{node} - $i), 1);
            damaged("the key '$item[0]' comes twice") if $seen{$item[0]}++;
            push @items, \@item;
        }
        return ($key, ($flags & 1 ? 'Arcuate::Map' : 'Arcuate::Mapping')->new(@items));
    }
    Arcuate::Error->throw(UNSUPPORTED => "this client has no form for a value of the kind $name - at $path", path => $path);
}

# Whether a scalar is one of its class.
sub fits {
    my ($name, $class, $value) = @_;
    return $class eq 'bool' if $name eq 'bool';
    my ($letter, $bytes) = $class =~ /^([iuf])([1248])$/ or return 0;
    return 0 if ($letter eq 'f') != ($name eq 'float');
    return 1 if $bytes == 8;
    return $letter eq 'u' ? $value >= 0 && $value < 2**(8 * $bytes) : $value >= -2**(8 * $bytes - 1) && $value < 2**(8 * $bytes - 1) if $letter ne 'f';
    my $float = unpack 'd<', pack 'q<', $value;
    return 1 if $float != $float || $float - $float != 0 || $float == 0;    # NaN, infinite, zero
    return unpack('f<', pack 'f<', $float) == $float if $bytes == 4;
    my (undef, $exponent) = POSIX::frexp($float);
    my $step = $float / 2**(($exponent < -13 ? -13 : $exponent) - 11);
    return abs $float <= 65504 && $step == int $step;
}

# A plain list of scalars travels as an array that says so (flag 4). R and Octave, whose scalars are vectors of
# length 1, send those as arrays of one element.
sub vector {
    my ($f, $i, $path) = @_;
    my ($dtype, $size, $volume, $list, @shape) = ($NAME{$f->{dtype}[$i]}, 1, 1, $f->{flags}[$i] & 4);
    damaged('an array without a known dtype') if !$dtype;
    Arcuate::Error->throw(CONVERSION => "an array of more than 64 dimensions - at $path", path => $path) if $f->{count}[$i] > 64;
    @shape = map { $f->{pool}[$f->{pools}++] // damaged('a shape is missing') } 1 .. $f->{count}[$i];
    ($size, $volume) = ($size * $_, $volume * ($_ || 1)) for @shape;
    damaged('a shape beyond all bounds') if $volume >= 2**63;
    damaged('a zone that is not of times') if $f->{tlen}[$i] && $dtype ne 'datetime';
    damaged('a list of more than one dimension') if $list && $f->{count}[$i] != 1;
    my $data = $f->{buffers}[$f->{buffer}++] // damaged('a buffer is missing');
    my @missing = $f->{flags}[$i] & 1 ? unpack 'C*', $f->{buffers}[$f->{buffer}++] // damaged('a mask is missing') : ();
    damaged('its mask') if $f->{flags}[$i] & 1 && @missing != $size || grep { $_ > 1 } @missing;
    damaged('data of another length') if $dtype eq 'text' ? $data ne '' && substr($data, -1) ne "\0" || $size != $data =~ tr/\0// : length $data != $SIZE{$dtype} * $size;
    Arcuate::Error->throw(UNSUPPORTED => "this client has no form for elements of $dtype - at $path", path => $path) if $list ? !$PLAIN{$dtype} : $dtype eq 'f2';
    my @items = $dtype eq 'text' ? map { text_of($_) } $data =~ /([^\0]*)\0/g : unpack "$READ{$dtype}*", $data;
    @items = map { $_ > 1 ? damaged('a bool above 1') : $_ ? JSON::PP::true : JSON::PP::false } @items if $dtype eq 'bool';
    @items = map { [@items[2 * $_, 2 * $_ + 1]] } 0 .. $size - 1 if $dtype =~ /^c/;
    $missing[$_] and $items[$_] = undef for 0 .. $#items;
    return [map { defined ? $_ : Arcuate::Missing->new(0) } @items] if $list;
    return $items[0] // Arcuate::Missing->new($f->{dtype}[$i]) if $f->{vectors} && $size == 1 && $PLAIN{$dtype};
    my $zone = text_of(substr $f->{text}, $f->{chars} - $f->{tlen}[$i], $f->{tlen}[$i]);
    return Arcuate::Array->new(dtype => $dtype, shape => \@shape, items => \@items, order => $f->{flags}[$i] & 2, unit => $f->{unit}[$i], zone => $zone);
}

# --- Writing -------------------------------------------------------------------------------------------------

sub encode {
    my ($value, $levels) = @_;
    my %f = (deepest => $DEPTH + ($levels // 0), value => '', pool => [], count => '', klen => '', tlen => '', kind => '', dtype => '', flags => '', unit => '', text => '', buffers => []);
    put(\%f, $value, '', 0, '$');
    my ($n, $m) = (length $f{kind}, scalar @{$f{buffers}});
    my $parts = $f{value} . pack('Q<*', @{$f{pool}}) . pack('Q<*', map { length } @{$f{buffers}}) . pack('Q<*', (0) x $m) . $f{count} . $f{klen} . $f{tlen} . $f{kind} . $f{dtype} . $f{flags} . $f{unit} . $f{text};
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
    $refuse->("values nest at most $DEPTH deep") if $depth >= $f->{deepest} && ref($value) =~ /^(ARRAY|Arcuate::(List|Cells|Map|Mapping))$/;
    my $utf8 = sub {
        my $text = $_[0];
        $refuse->('a text holds no NUL and no surrogate; send Arcuate::Bytes') if $text =~ /[\0\x{d800}-\x{dfff}]|[^\0-\x{10ffff}]/;
        utf8::encode($text);
        $text;
    };
    my $row = sub {
        my ($kind, $number, %more) = @_;
        my ($k, $t) = ($utf8->($key), $more{text} // '');
        $f->{value} .= $number;
        $f->{count} .= pack 'V', $more{count} // 0;
        $f->{klen} .= pack 'V', length $k;
        $f->{tlen} .= pack 'V', length $t;
        $f->{$_} .= pack 'C', $more{$_} // 0 for qw(dtype flags unit);
        $f->{kind} .= pack 'C', $kind;
        $f->{text} .= $k . $t;
    };
    my $none = pack 'Q<', 0;
    my $dtype = 0;
    if (ref $value eq 'Arcuate::Typed') { $dtype = $DTYPE{$value->{dtype}} // $refuse->("no dtype $value->{dtype}"); $value = $value->{value} }
    if (!defined $value) { $row->(0, $none) }
    elsif (JSON::PP::is_bool($value)) { $row->(1, pack('Q<', $value ? 1 : 0), dtype => $dtype) }
    elsif (ref $value eq 'Arcuate::Bytes') { $row->(6, $none); push @{$f->{buffers}}, $$value }
    elsif (ref $value eq 'Arcuate::Array') {
        my ($name, @items) = ($value->{dtype}, @{$value->{items}});
        my ($mask, $zero) = (join('', map { defined ? "\0" : "\1" } @items), $name eq 'text' ? '' : 0);
        $refuse->("no dtype $name") if $name ne 'text' && !$READ{$name};
        $row->(10, $none, dtype => $DTYPE{$name}, flags => ($mask =~ tr/\1// ? 1 : 0) | ($value->{order} // 0), unit => $value->{unit}, text => $utf8->($value->{zone} // ''), count => scalar @{$value->{shape}});
        push @{$f->{pool}}, @{$value->{shape}};
        @items = map { $_ // $zero } $name =~ /^c/ ? map { $_ ? @$_ : (0, 0) } @items : @items;
        push @{$f->{buffers}}, $name eq 'text' ? join '', map { $utf8->($_) . "\0" } @items : pack("$READ{$name}*", map { $name eq 'bool' ? !!$_ : $_ } @items), $mask =~ tr/\1// ? $mask : ();
    }
    elsif (ref $value eq 'Arcuate::Cells') {
        my @items = @{$value->{items}};
        $row->(8, $none, count => scalar @items, flags => 4);
        push @{$f->{pool}}, scalar @{$value->{shape}}, @{$value->{shape}};
        put($f, $items[$_], '', $depth + 1, "${path}[$_]") for 0 .. $#items;
    }
    elsif (ref $value eq 'Arcuate::Complex') { $row->(4, $none, dtype => $dtype); push @{$f->{pool}}, unpack 'Q<*', pack 'd<*', @$value{qw(re im)} }
    elsif (ref $value eq 'Arcuate::Missing') { $row->(7, $none, dtype => $value->{dtype}) }
    elsif (ref $value eq 'ARRAY' || ref $value eq 'Arcuate::List') {
        my %kinds = map { (plain($_) => 1) } @$value;
        my ($name, @others) = keys %kinds;
        if ($name && !@others && ref $value eq 'ARRAY') {    # a list of scalars of one kind: an array that says so, for languages that have vectors
            $row->(10, $none, dtype => $DTYPE{$name}, flags => 4, count => 1);
            push @{$f->{pool}}, scalar @$value;
            push @{$f->{buffers}}, $name eq 'text' ? join '', map { $utf8->($_) . "\0" } @$value : pack {bool => 'C*', i8 => 'q<*', f8 => 'd<*'}->{$name}, map { $name eq 'bool' ? !!$_ : $_ } @$value;
            return;
        }
        $row->(8, $none, count => scalar @$value, flags => ref $value eq 'ARRAY' ? 0 : 2);
        put($f, $value->[$_], '', $depth + 1, "${path}[$_]") for 0 .. $#$value;
    }
    elsif (ref($value) =~ /^Arcuate::Map/) {
        my %seen;
        $row->(9, $none, count => scalar @$value, flags => ref $value eq 'Arcuate::Map' ? 1 : 0);
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

1;
