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

sub answered { my ($value) = @_; my %got = (value => value_out($value)); $got{output} = $session->{output} if $session && length($session->{output} // ''); \%got }

my %DO = (
    hello => sub { {client => 'perl', version => '1', runtime => sprintf('perl %vd', $^V), protocol => 1} },
    decode => sub { {value => value_out(value_in($_[0]{value}))} },
    connect => sub {
        my ($ask) = @_;
        die {unsupported => 'neither TLS nor options'} if $ask->{ca} || %{$ask->{options} // {}};
        $session->close if $session;
        $session = undef;
        $session = Arcuate->connect($ask->{url}, token => $ask->{token}, timeout => $ask->{timeout});
        $session->{quiet} = 1;
        my $greeting = $session->{greeting};
        {language => $greeting->get('language'), version => $greeting->get('version')};
    },
    call => sub {
        my ($ask) = @_;
        for (qw(target named nargout keep timeout out)) { die {unsupported => "no $_"} if ref $ask->{$_} ? %{$ask->{$_}} : $ask->{$_} && "$ask->{$_}" ne ($_ eq 'nargout' ? '1' : '') }
        answered($session->call($ask->{name}, map { value_in($_) } @{$ask->{args} // []}));
    },
    eval => sub { my ($ask) = @_; for (qw(nargout keep timeout)) { die {unsupported => "no $_"} if $ask->{$_} && "$ask->{$_}" ne ($_ eq 'nargout' ? '1' : '') } answered($session->eval($ask->{code})) },
    run => sub { $session->run($_[0]{code}); {output => {stdout => $session->{output}, stderr => ''}, live => JSON::PP::false} },
    set => sub { $session->set($_[0]{name}, value_in($_[0]{value})); {} },
    get => sub { {value => value_out($session->get($_[0]{name}))} },
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
