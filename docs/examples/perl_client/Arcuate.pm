# A small client in Perl: calls other languages through a hub, over HTTP. Core modules only.
package Arcuate;

use strict;
use warnings;
use Arcuate::Frames qw(decode encode mapping);
use HTTP::Tiny;

our $FRAMES = 'application/vnd.arcuate.frames';

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
    $self->{vectors} = $greeting->get('features')->get('vectors');
    return $self;
}

# --8<-- [start:post]
# Sends one message and reads frames until its reply; what is said before goes to standard output.
sub post {
    my ($self, $path, $message) = @_;
    my %headers = $self->{secret} ? ('Arcuate-Secret' => $self->{secret}) : ();
    my $content = encode($message, $Arcuate::Frames::LEVELS);
    my $most = $self->{hello} && $self->{hello}->get('limits')->get('message');
    Arcuate::Error->throw(LIMIT_EXCEEDED => "the hub takes messages of $most bytes; this one has " . length $content, setting => 'message') if $most && length $content > $most;
    my $answer = $self->{http}->request(POST => $self->{base} . $path, {content => $content, headers => \%headers});
    if ($answer->{status} == 599) {    # HTTP::Tiny's own errors
        my $begun = $answer->{content} =~ /^Could not connect/ ? 'no' : 'maybe';
        Arcuate::Error->throw(CONNECTION_LOST => "the hub at $self->{base} cannot be reached: $answer->{content}", executed => $begun);
    }
    my ($body, $last, %output) = ($answer->{content}, undef, stdout => '', stderr => '');
    Arcuate::Error->throw(PROTOCOL_ERROR => "the hub answered $answer->{status}: not a hub?", executed => 'maybe') if ($answer->{headers}{'content-type'} // '') ne $FRAMES;
    while (length $body) {
        my $length = length $body < 64 ? 0 : unpack 'x8 Q<', $body;
        Arcuate::Error->throw(CONNECTION_LOST => 'the answer was cut', executed => 'maybe') if $length < 64 || $length > length $body;
        $last = decode(substr($body, 0, $length, ''), levels => $Arcuate::Frames::LEVELS, vectors => $self->{vectors});
        $output{$last->get('type')} .= $last->get('text') if $last->get('op') eq 'event' && ($last->get('type') // '') =~ /^std(out|err)$/;
    }
    Arcuate::Error->throw(CONNECTION_LOST => 'the answer ends before its reply', executed => 'maybe') if !$last || $last->get('op') eq 'event';
    if ($last->get('op') eq 'error') {
        my %all = map { ($_ => $last->get($_)) } qw(code message executed class stack path setting);
        Arcuate::Error->throw(delete $all{code}, delete $all{message}, %all);
    }
    return {last => $last, output => \%output};
}

# --8<-- [end:post]
# The value of the answer; in a list, all values where more were asked for.
sub request {
    my ($self, $op, @fields) = @_;
    my $done = $self->post($self->{path} ? "$self->{path}/messages" : '/v1/messages', mapping(op => $op, id => ++$self->{id}, @fields));
    $self->{output} = $done->{output};
    if (!$self->{quiet}) { print STDOUT $done->{output}{stdout}; print STDERR $done->{output}{stderr} }
    my $values = $done->{last}->get('values');
    return $values ? @$values : $done->{last}->get('value');
}

# What a call may be told beside its arguments: named => {name => value}, nargout => 2, timeout => seconds.
sub told {
    my (%options) = @_;
    my $named = delete $options{named};
    my @fields = $named ? (named => mapping(map { ($_ => $named->{$_}) } sort keys %$named)) : ();
    push @fields, deadline => int(1000 * delete $options{timeout}) if defined $options{timeout};
    push @fields, nargout => int delete $options{nargout} if defined $options{nargout};
    return %options ? Arcuate::Error->throw(INVALID_ARGUMENT => 'the options are named, nargout and timeout') : @fields;
}

sub call { my ($self, $name, $args, %options) = @_; $self->request('call', name => $name, args => Arcuate::List->new(@$args), told(%options)) }
sub eval { my ($self, $code, %options) = @_; $self->request('eval', code => $code, told(%options)) }
sub run  { my ($self, $code, %options) = @_; $self->request('run', code => $code, told(%options)) }
sub get  { my ($self, $name) = @_; $self->request('get', name => $name) }
sub set  { my ($self, $name, $value) = @_; $self->request('set', name => $name, value => $value); return }
sub delete { my ($self, $name) = @_; $self->request('delete', name => $name); return }
sub list { my ($self) = @_; @{$self->request('list')} }
sub describe { my ($self, $name) = @_; $self->request('describe', name => $name) }
sub environments { my ($self) = @_; map { $_->get('name') } @{$self->post('/v1/messages', mapping(op => 'environments', id => ++$self->{id}))->{last}->get('value')} }
sub close { my ($self) = @_; $self->request('close') if delete $self->{greeting}; return }

1;
