"""What the contract suite must know of Perl (tests/contract/quirks.py)."""

from __future__ import annotations

from tests.contract.quirks import Quirks


class Perl(Quirks):
    """The functions of the suite, in Perl."""

    name = "perl"
    language = "Perl"
    prelude = r"""
sub arcuate_id { return $_[0] }
sub arcuate_apply { my $f = shift; return $f->(@_) }
sub arcuate_guard { my $f = shift; return eval { $f->(); 1 } ? "nothing was raised" : "caught: $@" }
sub arcuate_fail { my ($text) = @_; die $text }
sub arcuate_outer { my ($text) = @_; return arcuate_fail($text) }
sub arcuate_say { print STDOUT $_[0] }
sub arcuate_err { print STDERR $_[0] }
sub arcuate_flood { for (1 .. $_[0]) { print "x" x 99, "\n" } }
sub arcuate_warn { warn $_[0] }
sub arcuate_sleep { select undef, undef, undef, $_[0] }
sub arcuate_linger { $_[0]->(); sleep 600 }
sub arcuate_spin { $_[0]->(); while (1) {} }
sub arcuate_add { my ($a, $b) = @_; return $a + $b }
"""
    pid = "$$"
    error_classes = ("die",)
    parse_errors = (("$x = 1;\n$y = (2 +;\n", 2, None),)
    segfault = "kill 'SEGV', $$; sleep 600"
    leave = (("exit 3", 3), ("require POSIX; POSIX::_exit(5)", 5))
    raw_write = "require POSIX; POSIX::write(1, qq(RAW\\n), 4)"
    child = "system('sleep', '600')"
    read_input = ("<STDIN>", "getc")
    hold = "bless { weight => 4.5 }, 'Hold'"
    hold_attribute = False
    hold_text = "Hold"
    function_value = r"\&arcuate_add"
    allocate = "'x' x 40_000_000_000"
    named = ("List::Util::pairkeys", (), {"weight": 2.5}, "weight")
    warning_class = "warn"
    env_variable = "use utf8; utf8::decode(my $t = $ENV{ARCUATE_TEST}); $t"
    cwd = "require Cwd; Cwd::getcwd()"
    document = ("join", "", None)
    package = ("POSIX", "floor", (3.5,), 3.0)
    variable = "${name} = 7.5;"
    multiple = ("List::Util::uniq", (17, 5, 17), 2, (17, 5))


QUIRKS = Perl
