# The conformance program of the small client: clients/CONFORMANCE.md says what it is asked.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Arcuate;
use JSON::PP;
use MIME::Base64;

binmode $_ for *STDIN, *STDOUT;
my $json = JSON::PP->new->utf8->canonical;
my $session;

sub take { my ($count) = @_; my $got = ''; while (length $got < $count) { read(STDIN, $got, $count - length $got, length $got) or return } $got }

sub value_in {
    my ($given) = @_;
    return Arcuate::decode(decode_base64 $given->{bytes}) if defined $given->{bytes};
    die {unsupported => 'only values, no functions, handles or files'};
}
sub value_out { {bytes => encode_base64 Arcuate::encode($_[0]), ''} }

# What was asked for and this client does not have.
sub only {
    my ($ask, @known) = @_;
    my %known = map { ($_ => 1) } qw(id op), @known;
    for (keys %$ask) { die {unsupported => "no $_"} if !$known{$_} && $ask->{$_} && (ref $ask->{$_} ne 'HASH' || %{$ask->{$_}}) }
}

# Does a call: its value or values, and what it printed.
sub answered {
    my ($ask, $do) = @_;
    my %named = map { ($_ => value_in($ask->{named}{$_})) } keys %{$ask->{named} // {}};
    my @values = $do->(%named ? (named => \%named) : (), map { defined $ask->{$_} ? ($_ => $ask->{$_}) : () } qw(nargout timeout));
    my %got = ($ask->{nargout} // 1) > 1 ? (values => [map { value_out($_) } @values]) : ($ask->{nargout} // 1) ? (value => value_out($values[0])) : ();
    $got{output} = $session->{output}{stdout} if length $session->{output}{stdout};
    return \%got;
}

my %DO = (
    hello => sub { {client => 'perl', version => '1', runtime => sprintf('perl %vd', $^V), protocol => 1} },
    decode => sub { {value => value_out(value_in($_[0]{value}))} },
    connect => sub {
        my ($ask) = @_;
        only($ask, qw(transport url token timeout));
        $session->close if $session;
        $session = undef;
        $session = Arcuate->connect($ask->{url}, token => $ask->{token}, timeout => $ask->{timeout});
        $session->{quiet} = 1;
        my $greeting = $session->{greeting};
        {language => $greeting->get('language'), version => $greeting->get('version')};
    },
    environments => sub { {environments => [$session->environments]} },
    describe => sub { my $found = $session->describe($_[0]{name}); {signature => $found->get('signature'), help => $found->get('doc')} },
    call => sub {
        my ($ask) = @_;
        only($ask, qw(name args named nargout timeout));
        my @args = map { value_in($_) } @{$ask->{args} // []};
        answered($ask, sub { $session->call($ask->{name}, \@args, @_) });
    },
    eval => sub { my ($ask) = @_; only($ask, qw(code nargout timeout)); answered($ask, sub { $session->eval($ask->{code}, @_) }) },
    run => sub {
        my ($ask) = @_;
        only($ask, qw(code timeout));
        $session->run($ask->{code}, defined $ask->{timeout} ? (timeout => $ask->{timeout}) : ());
        {output => $session->{output}, live => JSON::PP::false};
    },
    set => sub { $session->set($_[0]{name}, value_in($_[0]{value})); {} },
    get => sub { {value => value_out($session->get($_[0]{name}))} },
    delete => sub { $session->delete($_[0]{name}); {} },
    list => sub { {names => [$session->list]} },
    close => sub { $session->close if $session; $session = undef; {} },
);

while (defined(my $head = take(4))) {
    my $ask = $json->decode(take(unpack 'V', $head) // last);
    my $do = $ask->{feature} ? undef : $DO{$ask->{op}};
    my $answer = !$do ? {unsupported => "no $ask->{op}"} : eval { $do->($ask) } || do {
        my $error = $@;
        if (ref $error eq 'HASH') { $error }
        elsif (ref $error eq 'Arcuate::Error') {
            my %fields = map { ($_ => ref $error->{$_} ? [@{$error->{$_}}] : $error->{$_}) } grep { defined $error->{$_} } qw(code message executed class stack path setting);
            {error => \%fields, caught => 'ref $@ eq "Arcuate::Error", $@->{code}', where => $ask->{op} eq 'decode' ? 'decode' : 'call'};
        }
        else { {crashed => "$error"} }
    };
    my $text = $json->encode({%$answer, id => $ask->{id}});
    print pack('V', length $text), $text;
    $| = 1;
}
$session->close if $session;
