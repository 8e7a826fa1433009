# Goes through the rows by what Perl has built in and the modules that come with it.
#
# Called with `list` it says its rows. Called with `run` and the path of the room it goes through
# each row in each form, every time in the directory that was prepared for it. Whether a call fails
# does not matter here: the same has to be seen of it twice.

use strict;
use warnings FATAL => 'uninitialized';
use Cwd qw(getcwd abs_path);
use Fcntl;
use File::Copy qw(copy move);
use File::Find qw(find);
use File::Path qw(make_path remove_tree);
use POSIX ();

my @things = ('file', 'dir', 'link', 'dirlink', 'dangling', 'loop', 'chain', 'none', 'none/x', 'file/x',
    'file/', 'dir/', 'link/', 'dirlink/inside', 'dir/../other', 'dirlink/../file', 'none/../file', '.',
    'dir//inside', "\xff\xfe \"<>\n");

my $before = '';
sub at { return $before . $_[0] }
sub slurp { my ($mode, $name) = @_; no warnings; open(my $file, $mode, at($name)) or return; $mode eq '<' ? <$file> : print $file 'x'; close $file }

my @rows = (
    open_each => sub { slurp('<', $_) for @things },
    stat_each => sub { no warnings 'newline'; stat(at($_)) for @things },
    lstat_each => sub { lstat(at($_)) for @things },
    tests => sub { no warnings 'newline'; for (@things) { -e at($_); -d at($_); -l at($_); -r at($_); -x at($_); -s at($_) } },
    readlink_each => sub { readlink(at($_)) for @things },
    opendir_each => sub { for (@things) { opendir(my $directory, at($_)) or next; my @all = readdir $directory; closedir $directory } },
    abs_path_each => sub { for (@things) { my $path = eval { abs_path(at($_)) } } },
    globs => sub { my @found = (glob(at('*/on*')), glob(at('no*/x')), glob(at('{file,none}'))) },
    modes => sub {
        slurp(@$_) for ['>', 'file'], ['>', 'new'], ['>>', 'other'], ['>>', 'newer'], ['+<', 'linked'], ['+>', 'full/one'], ['>', 'none/x'], ['>', 'dir'];
        my $file;
        sysopen($file, at('newest'), O_WRONLY | O_CREAT | O_EXCL) and close $file;
        sysopen($file, at('newest'), O_WRONLY | O_CREAT | O_EXCL) and close $file;
        sysopen($file, at('full/two'), O_RDWR) and close $file;
    },
    changes => sub {
        mkdir at('new'); mkdir at('dir'); rmdir at('empty'); rmdir at('full');
        link at('file'), at('hard'); symlink 'file', at('soft'); slurp('<', 'soft');
        rename at('file'), at('renamed'); rename at('dir'), at('moved'); rename at('none'), at('x'); slurp('<', 'moved/inside');
        unlink at('other'), at('dirlink'), at('none'), at('moved');
        chmod 0600, at('linked'); chown -1, -1, at('link'); utime 1, 1, at('linked'); truncate at('linked'), 1;
        POSIX::mkfifo(at('pipe'), 0644); POSIX::access(at('linked'), 4);
    },
    trees => sub {
        make_path(at('a/b/c')); find({ wanted => sub { 1 }, no_chdir => 1 }, at('dir')); find(sub { 1 }, at('dir'));
        copy(at('file'), at('copied')); move(at('copied'), at('away')); copy(at('none'), at('never')); remove_tree(at('dir'));
    },
    directories => sub { my $here = getcwd(); if (chdir at('dirlink')) { $before = ''; slurp('<', 'inside'); slurp('<', '../file'); chdir $here } },
    processes => sub {
        my $out = `cat '@{[at('file')]}'`; system('/bin/true'); { no warnings 'exec'; system { at('none') } 'none' } system(at('script'));
        my $child = fork(); if (!$child) { slurp('<', 'other'); POSIX::_exit(0) } waitpid $child, 0;
        my $pipe;
        open($pipe, '-|', 'cat', at('linked')) and do { my @all = <$pipe>; close $pipe };
    },
    loads => sub { slurp('>', 'Module.pl'); local @INC = (at('none'), at('dir')); eval { require Nothing }; do(at('script')) },
);

my ($does, $root, $only) = @ARGV;
while (my ($name, $row) = splice @rows, 0, 2) {
    if ($does eq 'list') { print "$name\n"; next }
    next if defined $only and $only ne $name;
    for my $form (qw(relative absolute dirfd chdir fchdir through up)) {
        my $place = "$name.$form";
        my %before = (relative => "$place/", absolute => "$root/$place/", through => "$place.link/", up => "$place.link/../");
        sysopen(my $open, $place, O_RDONLY | O_DIRECTORY) or die "$place: $!";
        my $there = '/proc/self/fd/' . fileno($open);
        $before = $before{$form} // ($form eq 'dirfd' ? "$there/" : '');
        if ($form eq 'chdir') { chdir $place or die } elsif ($form eq 'fchdir') { chdir $open or die }
        { no warnings; $row->() }
        chdir $root or die;
        close $open;
    }
}
