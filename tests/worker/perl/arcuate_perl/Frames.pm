# Frames (protos/frames.md) to Perl values and back. Knows nothing of the worker: what is a function, a handle or
# a segment is decided by the hooks of the object that new() returns.
package Frames;
use v5.36;
no warnings 'experimental::builtin';
use B ();
use Scalar::Util qw(blessed reftype);

use constant { NULL => 0, BOOL => 1, INT => 2, FLOAT => 3, TEXT => 5, LIST => 8, MAPPING => 9, ARRAY => 10,
    FUNCTION => 19, HANDLE => 20, FORCED => 2, SEQUENCE => 4, D_BOOL => 1, D_I8 => 5, D_F8 => 12, D_TEXT => 15 };

my @KINDS = qw(null bool int float complex text bytes missing list mapping array labelled dataset table categorical
    datetime date duration sparse function handle);
my @DTYPES = qw(none bool i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 text datetime date duration);
my %TEMPLATE = (2 => 'c', 3 => 's<', 4 => 'l<', 5 => 'q<', 6 => 'C', 7 => 'S<', 8 => 'L<', 9 => 'Q<', 11 => 'f<', 12 => 'd<');

# hooks: handle(id, path) and function(id) make an object of a node; external(ref, length) reads a segment;
# outside(value, path) says how a value that is no data travels: (kind, id, info).
sub new ($class, %hooks) { return bless {%hooks}, $class }

sub conversion ($message, $path) { die bless { code => 'CONVERSION', message => $message, path => $path }, 'Frames::Error' }

# --------------------------------------------------------------------- reading

# The message in a whole frame, as a list of key, value. A value that has no form in Perl dies with its path;
# `op` and `id` come first, and are in $head before anything can fail.
sub load ($self, $data, $head) {
    my ($magic, $major, $minor, $total, $n, $m, $p, $t) = unpack 'a4 v v Q< V V Q< Q<', $data;
    my $at = 64;
    my $column = sub ($code, $width, $count) {
        my @got = unpack "($code)*", substr $data, $at, $width * $count;
        $at += $width * $count;
        return \@got;
    };
    my %read = (data => \$data, at => 0, pool => 0, buffer => 0);
    $read{value} = $column->('a8', 8, $n);
    $read{numbers} = $column->('Q<', 8, $p);
    $read{blen} = $column->('Q<', 8, $m);
    $read{bloc} = $column->('Q<', 8, $m);
    $read{$_} = $column->('V', 4, $n) for qw(count klen tlen);
    $read{$_} = $column->('C', 1, $n) for qw(kind dtype flags unit);
    $read{text} = $at;
    $read{inline} = ($at + $t + 63) & ~63;
    my ($kind, $fields) = node($self, \%read)->@{qw(kind count)};
    die "a message is a mapping\n" if $kind != MAPPING;
    while ($fields--) {
        my $row = node($self, \%read);
        my $key = $row->{key};
        $head->{$key} = value($self, \%read, $row, "\$.$key");
    }
    return $head;
}

sub node ($self, $read) {
    my $i = $read->{at}++;
    my %row = map { $_ => $read->{$_}[$i] } qw(kind dtype flags count value);
    for (['key', 'klen'], ['text', 'tlen']) {
        my ($name, $length) = ($_->[0], $read->{$_->[1]}[$i]);
        $row{$name} = substr ${ $read->{data} }, $read->{text}, $length;
        utf8::decode($row{$name});
        $read->{text} += $length;
    }
    return \%row;
}

sub value ($self, $read, $row, $path) {
    my $kind = $row->{kind};
    return undef if $kind == NULL;
    # bool, i8, u8 and f8 are what Perl has; that they came as numpy scalars is a hint
    conversion("a number of the class $DTYPES[$row->{dtype}] would lose its class in Perl; send a plain one, as float(x) or int(x)", $path)
        if $kind <= FLOAT && !grep { $row->{dtype} == $_ } 0, D_BOOL, D_I8, 9, D_F8;
    return unpack('q<', $row->{value}) ? builtin::true : builtin::false if $kind == BOOL;
    return unpack $row->{flags} & 1 || $row->{dtype} == 9 ? 'Q<' : 'q<', $row->{value} if $kind == INT;
    return unpack 'd<', $row->{value} if $kind == FLOAT;
    return $row->{text} if $kind == TEXT;
    return array($self, $read, $row, $path) if $kind == ARRAY;
    if ($kind == LIST && !($row->{flags} & 12)) {
        my $i = 0;
        return [map { value($self, $read, node($self, $read), $path . '[' . $i++ . ']') } 1 .. $row->{count}];
    }
    if ($kind == MAPPING) {
        tie my %map, 'Frames::Ordered';
        for (1 .. $row->{count}) {
            my $child = node($self, $read);
            $map{ $child->{key} } = value($self, $read, $child, $path . step($child->{key}));
        }
        return \%map;
    }
    if ($kind == FUNCTION || $kind == HANDLE) {
        my @info = map { value($self, $read, node($self, $read), "$path.info") } 1 .. $row->{count};
        return $kind == FUNCTION ? $self->{function}->($row->{text}) : $self->{handle}->($row->{text}, $path);
    }
    conversion("Perl has no form for a $KINDS[$kind]; send numbers, texts, lists, mappings or 1-d arrays of numbers", $path);
}

sub array ($self, $read, $row, $path) {
    my ($dtype, $flags, $ndim) = $row->@{qw(dtype flags count)};
    my @shape = map { $read->{numbers}[$read->{pool}++] } 1 .. $ndim;
    my $plain = $dtype == D_BOOL || $dtype == D_TEXT;
    conversion("an array of $ndim dimensions cannot go to Perl; send one of 1", $path) if $ndim != 1;
    conversion('missing values cannot go to Perl; fill them', $path) if $flags & 1;
    conversion("an array of $DTYPES[$dtype] cannot go to Perl; send f8 or an integer", $path)
        unless $TEMPLATE{$dtype} || $plain && $flags & SEQUENCE;
    my $bytes = buffer($self, $read);
    my @items;
    if ($dtype == D_TEXT) {
        @items = split /\0/, $bytes, -1;
        pop @items;
        utf8::decode($_) for @items;
    }
    else {
        @items = unpack '(' . ($TEMPLATE{$dtype} // 'C') . ')*', $bytes;
        @items = map { $_ ? builtin::true : builtin::false } @items if $dtype == D_BOOL;
    }
    return $flags & SEQUENCE ? \@items : bless \@items, "Frames::Array::$DTYPES[$dtype]";
}

sub buffer ($self, $read) {
    my $i = $read->{buffer}++;
    my ($length, $place) = ($read->{blen}[$i], $read->{bloc}[$i]);
    return $self->{external}->($place, $length) if $place;
    my $at = $read->{inline};
    $read->{inline} += ($length + 63) & ~63;
    return substr ${ $read->{data} }, $at, $length;
}

sub step ($key) { return $key =~ /^[^\W\d]\w*$/ ? ".$key" : "['$key']" }

# --------------------------------------------------------------------- writing

# The frame of a message: key, value, ... where a value may be [\'raw', sub] that writes its own rows.
sub dump ($self, $place, @fields) {
    my %write = map { $_ => [] } qw(value numbers buffers count klen tlen kind dtype flags);
    $write{text} = '';
    row(\%write, MAPPING, '', count => @fields / 2);
    while (my ($key, $value) = splice @fields, 0, 2) {
        put($self, \%write, $value, $key, '$' . step($key), 0);
    }
    my @places = map { $place ? $place->($_) : 0 } $write{buffers}->@*;
    my ($n, $m) = (scalar $write{kind}->@*, scalar @places);
    my $tables = join '', $write{value}->@*;
    $tables .= pack 'Q<*', $write{numbers}->@*, (map { length } $write{buffers}->@*), @places;
    $tables .= pack 'V*', map { $write{$_}->@* } qw(count klen tlen);
    $tables .= pack 'C*', (map { $write{$_}->@* } qw(kind dtype flags)), (0) x $n;
    $tables .= $write{text};
    my $head = (64 + length($tables) + 63) & ~63;
    my $inline = join '', map { $places[$_] ? () : padded($write{buffers}[$_]) } 0 .. $m - 1;
    my $front = pack 'a4 v v Q< V V Q< Q< Q< V V Q<', 'ARCU', 1, 0, $head + length $inline, $n, $m,
        scalar $write{numbers}->@*, length $write{text}, $head, 0, 0, 0;
    return padded($front . $tables) . $inline;
}

sub padded ($bytes) { return $bytes . "\0" x (-length($bytes) % 64) }

sub row ($write, $kind, $key, %rest) {
    my $text = $rest{text} // '';
    utf8::encode($_) for $key, $text;
    push $write->{kind}->@*, $kind;
    push $write->{value}->@*, $rest{value} // "\0" x 8;
    push $write->{$_}->@*, $rest{$_} // 0 for qw(dtype flags count);
    push $write->{klen}->@*, length $key;
    push $write->{tlen}->@*, length $text;
    $write->{text} .= $key . $text;
    return;
}

sub put ($self, $write, $value, $key, $path, $depth) {
    conversion('a value nests deeper than 64 levels, or contains itself', $path) if $depth > 64;
    if (!ref $value) {
        my ($kind, $packed) = scalar_kind($value);
        conversion('a text holds a NUL character; remove it', $path) if $kind == TEXT && $value =~ /\0/;
        conversion('a text holds a lone surrogate; remove it', $path) if $kind == TEXT && $value =~ /[\x{d800}-\x{dfff}]/;
        my $unsigned = $kind == INT && $value > 9223372036854775807 ? 1 : 0;
        return row($write, $kind, $key, $kind == TEXT ? (text => $value) : (value => $packed, flags => $unsigned));
    }
    my $class = blessed $value // '';
    if ($class =~ /^Frames::Array::(\w+)$/) {
        my ($dtype) = grep { $DTYPES[$_] eq $1 } 0 .. $#DTYPES;
        my $bytes = do { no warnings; pack "($TEMPLATE{$dtype})*", @$value };
        my @kept = $dtype == D_F8 ? () : unpack "($TEMPLATE{$dtype})*", $bytes;
        for my $i (0 .. $#$value) {
            my ($kind) = ref $value->[$i] ? -1 : scalar_kind($value->[$i]);
            my $fits = ($kind == INT || $kind == FLOAT) && (!@kept || $kept[$i] == $value->[$i] || $value->[$i] != $value->[$i]);
            conversion("the element does not fit an array of $1; send a new list", $path . "[$i]") if !$fits;
        }
        return put_array($write, $key, $dtype, 0, $bytes, scalar @$value);
    }
    if ($class eq '' && ref $value eq 'ARRAY') {
        return if put_sequence($write, $key, $value);
        row($write, LIST, $key, count => scalar @$value, flags => $path eq '$.args' || $path eq '$.values' ? FORCED : 0);
        put($self, $write, $value->[$_], '', $path . "[$_]", $depth + 1) for 0 .. $#$value;
        return;
    }
    if ($class eq '' && ref $value eq 'HASH') {
        my $keys = tied %$value ? [keys %$value] : [sort keys %$value];    # a plain hash has no order of its own
        row($write, MAPPING, $key, count => scalar @$keys);
        put($self, $write, $value->{$_}, $_, $path . step($_), $depth + 1) for @$keys;
        return;
    }
    my ($kind, $id, $info) = $self->{outside}->($value, $path);
    row($write, $kind, $key, text => $id, count => $info ? 1 : 0);
    put($self, $write, $info, 'info', "$path.info", $depth + 1) if $info;
    return;
}

# A list of scalars of one kind travels as an array with the sequence flag; anything else says no. The lists
# `args` and `values` of a message are lists always.
sub put_sequence ($write, $key, $list) {
    return 0 if !@$list || $key eq 'args' || $key eq 'values';
    my %kinds = map { (ref $_ || !defined $_ ? 'other' : (scalar_kind($_))[0]) => 1 } @$list;
    my ($kind, $second) = keys %kinds;
    return 0 if defined $second || $kind eq 'other';
    if ($kind == TEXT) {
        return 0 if grep { /[\0\x{d800}-\x{dfff}]/ } @$list;
        my $bytes = join '', map { "$_\0" } @$list;
        utf8::encode($bytes);
        put_array($write, $key, D_TEXT, SEQUENCE, $bytes, scalar @$list);
        return 1;
    }
    return 0 if $kind == INT && grep { $_ > 9223372036854775807 } @$list;
    my ($dtype, $template) = $kind == BOOL ? (D_BOOL, 'C') : $kind == INT ? (D_I8, 'q<') : (D_F8, 'd<');
    put_array($write, $key, $dtype, SEQUENCE, pack("($template)*", $kind == BOOL ? map { $_ ? 1 : 0 } @$list : @$list), scalar @$list);
    return 1;
}

sub put_array ($write, $key, $dtype, $flags, $bytes, $length) {
    row($write, ARRAY, $key, dtype => $dtype, flags => $flags, count => 1);
    push $write->{numbers}->@*, $length;
    push $write->{buffers}->@*, $bytes;
    return;
}

# What a Perl scalar is, by the flags that Perl keeps; (kind, its eight bytes).
sub scalar_kind ($value) {
    return (NULL, "\0" x 8) if !defined $value;
    return (BOOL, pack 'q<', $value ? 1 : 0) if builtin::is_bool($value);
    my $flags = B::svref_2object(\$value)->FLAGS;
    return (TEXT, "\0" x 8) if $flags & B::SVf_POK;
    return (FLOAT, pack 'd<', $value) if $flags & B::SVf_NOK || !($flags & B::SVf_IOK);
    return (INT, pack $value < 0 ? 'q<' : 'Q<', $value);
}

package Frames::Error;
use overload '""' => sub ($self, @) { return $self->{message} }, fallback => 1;

# A hash that remembers the order of its keys, since the order of a mapping is part of its value.
package Frames::Ordered;
sub TIEHASH ($class) { return bless { data => {}, keys => [] }, $class }
sub FETCH ($self, $key) { return $self->{data}{$key} }
sub STORE ($self, $key, $value) {
    push $self->{keys}->@*, $key unless exists $self->{data}{$key};
    return $self->{data}{$key} = $value;
}
sub EXISTS ($self, $key) { return exists $self->{data}{$key} }
sub DELETE ($self, $key) {
    $self->{keys} = [grep { $_ ne $key } $self->{keys}->@*];
    return delete $self->{data}{$key};
}
sub CLEAR ($self) { $self->{data} = {}; $self->{keys} = []; return }
sub FIRSTKEY ($self) { $self->{next} = 0; return $self->NEXTKEY }
sub NEXTKEY ($self, @) { return $self->{keys}[$self->{next}++] }
sub SCALAR ($self) { return scalar $self->{keys}->@* }

1;
