# One SpamAssassin, asked through its own library as spamd does, without the copy of its whole configuration that spamd makes after
# each message (two thirds of its time). Arguments: folder of the rules, folder of the site's configuration, home. On standard input
# a line "score|spam|ham OCTETS" and that many octets; on standard output a line for each: for a score the total, the points of the
# Bayes rules in it, the Bayes probability.
use strict;
use warnings;
use Mail::SpamAssassin;

my ($rules, $site, $home) = @ARGV;
my $sa = Mail::SpamAssassin->new({
    rules_filename => $rules, site_rules_filename => $site, userprefs_filename => "$home/none",
    userstate_dir => $home, home_dir_for_helpers => $home, username => 'nobody',
    local_tests_only => 1, dont_copy_prefs => 1, debug => 0,
});
$sa->compile_now(0);
$sa->init_learner({ caller_will_untie => 0, learn_to_journal => 0, wait_for_lock => 1 });
binmode(STDIN);
$| = 1;
print "ready\n";
while (my $line = <STDIN>) {
    my ($what, $length) = $line =~ /^(score|spam|ham) (\d+)$/ or die "what is $line";
    my $octets = '';
    while (length($octets) < $length) {
        read(STDIN, $octets, $length - length($octets), length($octets)) or die 'cut short';
    }
    # spamd gives the lines with their ends, as they come.
    my @lines = split(/^/m, $octets);
    my $mail = $sa->parse(\@lines, 1);
    if ($what eq 'score') {
        my $status = $sa->check($mail);
        my $points = 0;
        for (grep { /^BAYES_/ } @{ $status->{test_names_hit} }) { $points += $status->{conf}->{scores}->{$_} }
        my $bayes = defined $status->{bayes_score} ? $status->{bayes_score} : 0.5;
        printf("%.6f %.6f %.17g\n", $status->{score}, $points, $bayes);
        $status->finish();
    } else {
        my $status = $sa->learn($mail, undef, $what eq 'spam' ? 1 : 0, 0);
        $status->finish();
        print "learnt\n";
    }
    $mail->finish();
}
$sa->finish();
