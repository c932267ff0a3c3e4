#!/usr/bin/perl
# A worker for Perl 5.36 or later (adapters/arcuate/worker/PROTOCOL.md), with core modules only.
# The user's code runs in package main; everything of the worker's is in package Worker.

package main;
sub Worker::evaluate {    # first, where no lexical and no pragma of the worker is in sight
    return $_[1] > 1 ? [eval $_[0]] : [scalar eval $_[0]];
}

package Worker;
use v5.36;
no warnings 'experimental::builtin';
use FindBin ();
use lib $FindBin::RealBin;
use Frames;
use Scalar::Util qw(blessed reftype refaddr looks_like_number);

open my $in, '<&=', $ENV{ARCUATE_IN} or die "ARCUATE_IN: $!";
open my $out, '>&=', $ENV{ARCUATE_OUT} or die "ARCUATE_OUT: $!";
delete @ENV{qw(ARCUATE_IN ARCUATE_OUT ARCUATE_PARENT)};
binmode $_ for $in, $out;
binmode $_, ':utf8' for *STDOUT, *STDERR;
$| = 1;
$0 = 'main';

my ($prefix, $threshold, $limit, $generation) = ('', 1 << 62, 1 << 62, 0);
my ($busy, $current, $callbacks, $made) = (0, -1, 0, 0);
my (%functions, %ids, %handles, %counts, %known, @stack);
my %foreign = map { $_ => 1 } keys %main::;    # what the workspace is not

my $frames = Frames->new(
    external => sub ($ref, $length) {
        open my $file, '<:raw', $prefix . $ref or die "segment $ref: $!\n";
        my ($bytes, $at) = ('', 0);
        while ($at < $length) {
            my $got = sysread $file, $bytes, $length - $at, $at;
            die "segment $ref is too short\n" if !$got;
            $at += $got;
        }
        return $bytes;
    },
    handle => sub ($id, $path) {
        die problem('STALE_HANDLE', "no object $id in this interpreter; make it again") if !exists $handles{$id};
        return $handles{$id};
    },
    function => sub ($id) {    # a function of the host: the same Perl function each time
        return $functions{$id} if $functions{$id};
        my $function = sub { return call_back($id, @_) };
        $ids{ refaddr $function } = $id;
        return $functions{$id} = $function;
    },
    outside => sub ($value, $path) {
        return (Frames::HANDLE, keep($value->{held})) if ref $value eq 'Worker::Held';
        my $function = $ids{ refaddr $value };
        return (Frames::FUNCTION, $function, undef) if $function && $functions{$function};
        return (Frames::HANDLE, keep($value));
    },
);

# ------------------------------------------------------------------ the channel

sub receive () {
    my $data = take(64);
    my $total = unpack 'x8 Q<', $data;
    die "a frame of $total bytes exceeds the limit of $limit\n" if $total > $limit;
    return $data . take($total - 64);
}

sub take ($size) {
    my ($bytes, $at) = ('', 0);
    while ($at < $size) {
        my $got = sysread $in, $bytes, $size - $at, $at;
        next if !defined $got && $!{EINTR};    # an interrupt when nothing runs
        exit 0 if !$got;                       # the host is gone
        $at += $got;
    }
    return $bytes;
}

sub send_message (@fields) {
    my $frame = $frames->dump(\&place, @fields);
    STDOUT->flush;
    STDERR->flush;
    write_all($out, $frame);
    return;
}

sub write_all ($file, $bytes) {
    my $at = 0;
    while ($at < length $bytes) {
        my $done = syswrite $file, $bytes, length($bytes) - $at, $at;
        next if !defined $done && $!{EINTR};
        exit 0 if !defined $done;
        $at += $done;
    }
    return;
}

sub place ($buffer) {    # a large buffer goes to a segment that the host gives
    return 0 if length $buffer < $threshold;
    send_message(op => 'alloc', id => 0, size => length $buffer);
    my $answer = $frames->load(receive(), {});
    die problem($answer->{code}, $answer->{message}) if $answer->{op} ne 'segment';
    open my $file, '+<:raw', $prefix . $answer->{ref} or die "segment $answer->{ref}: $!\n";
    write_all($file, $buffer);
    return $answer->{ref};
}

# ------------------------------------------------------------------- requests

sub handle_request ($data) {
    my %request;
    my ($value, $error);
    my ($outer, $was) = ($current, $busy);
    my $done = eval {
        local $SIG{__DIE__} = \&remember;
        $frames->load($data, \%request);
        $current = $request{id};
        exit 0 if $request{op} eq 'bye';
        @stack = ();
        $busy = 1;
        $value = perform(\%request);
        $busy = 0;
        1;
    };
    $error = $@;
    $busy = 0;
    return $busy = $was if ($request{op} // '') eq 'release';
    my $answered = $done && eval { answer(\%request, $value); 1 };
    if (!$answered) {
        $error = $@ if $done;
        send_message(op => 'error', id => $request{id} // -1, failure($error));
    }
    ($current, $busy) = ($outer, $was);
    return;
}

sub answer ($request, $value) {
    my @head = (op => 'reply', id => $request->{id});
    my $several = ($request->{nargout} // 1) > 1;
    if ($request->{keep}) {
        $several ? ($value = [map { held($_) } @$value]) : ($value = held($value));
    }
    return send_message(@head, $several ? 'values' : 'value', $value);
}

sub perform ($request) {
    my $op = $request->{op};
    my $handler = __PACKAGE__->can("do_$op") // die problem('UNSUPPORTED', "Perl does not know the request '$op'");
    return $handler->($request);
}

sub do_ping ($) { return undef }
sub do_settle ($) { return undef }

sub do_call ($request) {
    my $function = exists $request->{target} ? $request->{target} : find_function($request->{name});
    die problem('NAME_NOT_FOUND', "Perl has no function '$request->{name}'", executed => 'no') if !exists $request->{target} && !$function;
    die "the object is no function\n" if (reftype($function) // '') ne 'CODE';
    my @args = $request->{args}->@*;
    push @args, %{ $request->{named} } if $request->{named};
    return outputs($request, sub { [scalar $function->(@args)] }, sub { [$function->(@args)] });
}

sub do_eval ($request) {
    my $code = qq(#line 1 "eval"\n$request->{code});
    my $list = ($request->{nargout} // 1) > 1;
    my $got = Worker::evaluate("package main; no strict; no warnings; $code", $list ? 2 : 1);
    rethrow() if ref $@ || $@ ne '';
    return $list ? outputs($request, undef, sub { $got }) : $got->[0];
}

sub do_run ($request) {
    Worker::evaluate(qq(package main; no strict; no warnings;\n#line 1 "run"\n$request->{code}\n;1), 1);
    rethrow() if ref $@ || $@ ne '';
    return undef;
}

sub rethrow () {    # the stack is the one of the first time
    local $SIG{__DIE__};
    die $@;
}

sub outputs ($request, $one, $several) {
    my $wanted = $request->{nargout} // 1;
    return $one->()[0] if $wanted < 2;
    my $got = $several->();
    die "$wanted outputs were asked for, the function returned " . @$got . "\n" if @$got < $wanted;
    return [@$got[0 .. $wanted - 1]];
}

sub find_function ($name) {
    no strict 'refs';
    if ($name =~ /^(.+)::(\w+)$/) {
        my ($package, $module) = ($1, $1 =~ s{::}{/}gr . '.pm');
        eval { require $module } if !defined &{$name} && $package =~ /^\w+(::\w+)*$/;
        return defined &{$name} ? \&{$name} : undef;
    }
    return undef if $name !~ /^[^\W\d]\w*$/;
    return \&{"main::$name"} if defined &{"main::$name"};
    my $variable = \${"main::$name"};
    return $$variable if ref $$variable && reftype($$variable) eq 'CODE';
    return defined &{"CORE::$name"} ? \&{"CORE::$name"} : undef;
}

# ------------------------------------------------------------------- workspace

sub do_set ($request) {
    my $name = $request->{name};
    die problem('INVALID_ARGUMENT', "'$name' cannot be the name of a Perl variable; use letters, digits and _")
        if $name !~ /^[^\W\d]\w*$/;
    no strict 'refs';
    ${"main::$name"} = $request->{value};
    $known{$name} = 1;
    return undef;
}

sub do_get ($request) {
    my $name = $request->{name};
    if ($request->{function}) {
        return find_function($name) // die problem('NAME_NOT_FOUND', "Perl has no function '$name'");
    }
    my $variable = variable($name) // die problem('NAME_NOT_FOUND', "there is no variable '$name'");
    return $$variable;
}

sub do_delete ($request) {
    my $variable = variable($request->{name}) // die problem('NAME_NOT_FOUND', "there is no variable '$request->{name}'");
    undef $$variable;
    delete $known{ $request->{name} };
    return undef;
}

sub do_exists ($request) { return defined variable($request->{name}) ? builtin::true : builtin::false }

sub do_list ($) { return [sort grep { defined variable($_) } keys %known, grep { !$known{$_} } keys %main::] }

sub variable ($name) {
    no strict 'refs';
    return undef if $name !~ /^[^\W\d]\w*$/ || $foreign{$name};
    return undef if !$known{$name} && !(exists $main::{$name} && defined ${"main::$name"});
    return \${"main::$name"};
}

sub do_describe ($request) {
    no strict 'refs';
    my $name = $request->{name} // '';
    my $kind = exists $request->{target} ? (reftype($request->{target}) eq 'CODE' ? 'function' : 'variable')
        : defined variable($name) ? 'variable'
        : find_function($name) ? 'function'
        : $name =~ /^\w+(::\w+)*$/ && eval { require $name =~ s{::}{/}gr . '.pm' } ? 'package'
        : '';
    return { name => $name, kind => $kind, doc => '', signature => $kind eq 'function' ? "$name(...)" : '', parameters => [] };
}

sub do_names ($request) {
    no strict 'refs';
    my $package = $request->{name} || 'main';
    my @names = grep { /^[^\W\d_]\w*$/ && defined &{"${package}::$_"} } keys %{"${package}::"};
    return [sort grep { index($_, $request->{prefix} // '') == 0 } @names];
}

# ------------------------------------------------------------ objects that stay

sub keep ($value) {
    my $id = ref $value && (grep { ref $handles{$_} && refaddr $handles{$_} == refaddr $value } keys %handles)[0];
    if (!$id) {
        $id = $generation . ':' . ++$made;
        $handles{$id} = $value;
    }
    $counts{$id}++;
    my $callable = (reftype($value) // '') eq 'CODE' ? builtin::true : builtin::false;
    return $id, { class => [ref $value || 'scalar'], summary => shown($value), callable => $callable, language => 'Perl' };
}

sub held ($value) { return bless { held => $value }, 'Worker::Held' }    # keep: whatever it is, a handle comes back
sub shown ($value) { return defined $value ? "$value" : 'undef' }

sub do_release ($request) {
    for my $id ($request->{handles}->@*) {
        delete $handles{$id}, delete $counts{$id} if exists $counts{$id} && !--$counts{$id};
    }
    return undef;
}

sub do_show ($request) { return shown($request->{target}) }

# --------------------------------------------------- callbacks, events, failures

sub call_back ($function, @args) {
    my $number = ++$callbacks;
    my $was = $busy;
    $busy = 0;    # no interrupt between the frames
    send_message(op => 'callback', id => $number, function => $function, args => \@args);
    while (1) {
        my $data = receive();
        my %answer;
        my $readable = eval { $frames->load($data, \%answer); 1 };
        my $op = $answer{op};
        if ($op eq 'return' || $op eq 'raise') {
            $busy = $was;
            die $@ if !$readable;
            return $answer{value} if $op eq 'return';
            die bless { code => 'REMOTE_ERROR', %answer{qw(message class)} }, 'Frames::Error';
        }
        handle_request($data);
    }
}

sub problem ($code, $message, @more) { return bless { code => $code, message => $message, @more }, 'Frames::Error' }

sub remember ($error) {    # the stack of an error is only known while it happens
    my ($depth, @frames) = 0;
    while (my @at = caller $depth++) {
        my $name = $at[3] =~ s/^main:://r;
        next if $name eq '(eval)' || $name =~ /^(Worker|Frames|CORE)::/;
        my $where = $at[1] =~ /worker\.pl$/ ? '' : " at $at[1] line $at[2]";
        unshift @frames, $name . $where;
    }
    @stack = @frames;
    return;
}

sub failure ($error) {
    if (blessed $error && $error->isa('Frames::Error')) {
        my %fields = (language => 'Perl', stack => [@stack], class => ['die'], %$error);
        return map { $_ => $fields{$_} } grep { defined $fields{$_} } qw(code message class stack path language executed);
    }
    return (code => 'CALL_CANCELLED', message => 'the call was interrupted', executed => 'maybe', workspace => builtin::true)
        if blessed $error && $error->isa('Worker::Cancelled');
    my $message = "$error";
    $message =~ s/ at (?!eval |run ).* line \d+\.?\n\z//;    # where the user's own code is, it stays
    $message =~ s/ at (?:eval|run) line \d+\.\n\z// if @stack;
    chomp $message;
    return (code => 'REMOTE_ERROR', message => $message, class => [ref $error || 'die'], stack => [@stack], language => 'Perl');
}

sub event ($type, @fields) {
    my $was = $busy;
    $busy = 0;
    send_message(op => 'event', id => $current, type => $type, @fields);
    return $busy = $was;
}

sub Worker::NoInput::TIEHANDLE ($class) { return bless {}, $class }
sub Worker::NoInput::READLINE ($) { die "input is not available here: nobody can answer; pass the value as an argument\n" }
sub Worker::NoInput::GETC ($) { return Worker::NoInput::READLINE(undef) }
sub Worker::NoInput::READ { return Worker::NoInput::READLINE(undef) }

# ------------------------------------------------------------------- the start

$SIG{INT} = sub { die bless {}, 'Worker::Cancelled' if $busy };
$SIG{PIPE} = 'DEFAULT';
$SIG{__WARN__} = sub ($text, @) {
    return $busy ? event('warning', text => $text =~ s/ at \S+ line \d+\.\n\z//r, class => ['warn']) : print STDERR $text;
};
tie *STDIN, 'Worker::NoInput';
my $hello = $frames->load(receive(), {});
($prefix, $threshold, $generation) = ($hello->{segments}, $hello->{threshold}, $hello->{options}{generation});
$limit = $hello->{limits}{message} // $limit;
send_message(
    op => 'hello', id => 0, major => 1, minor => 0, language => 'Perl', version => sprintf('%vd', $^V), pid => $$,
    kinds => [qw(null bool int float text list mapping array function handle)],
    features => { order => 'any', vectors => builtin::false, map => builtin::false, separator => '::' },
    info => { executable => $^X },
);
handle_request(receive()) while 1;
