;; What a guest imports of WASI in tests, and how its main module gets at it.
(import "wasi:random/random@0.2.6" (instance $random
    (export "get-random-u64" (func (result u64)))
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
(import "wasi:random/insecure@0.2.6" (instance $insecure
    (export "get-insecure-random-u64" (func (result u64)))))
(import "wasi:random/insecure-seed@0.2.6" (instance $seed
    (export "insecure-seed" (func (result (tuple u64 u64))))))
(import "wasi:clocks/wall-clock@0.2.6" (instance $wall
    (type $record (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $record)))
    (export "now" (func (result $datetime)))))
(import "wasi:cli/environment@0.2.6" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))))
(import "wasi:cli/exit@0.2.6" (instance $exit
    (export "exit" (func (param "status" (result))))))

(import "wasi:io/poll@0.2.6" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
(alias export $poll "pollable" (type $pollable))
(import "wasi:clocks/monotonic-clock@0.2.6" (instance $monotonic
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $waited (eq $p)))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $waited))))))

(import "wasi:io/error@0.2.6" (instance $error
    (export "error" (type (sub resource)))))
(alias export $error "error" (type $error))
(import "wasi:io/streams@0.2.6" (instance $streams
    (alias outer 1 $error (type $e))
    (export "error" (type $error (eq $e)))
    (export "output-stream" (type $output (sub resource)))
    (type $v (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $v)))
    (export "[method]output-stream.blocking-write-and-flush"
        (func (param "self" (borrow $output)) (param "contents" (list u8))
            (result (result (error $stream-error)))))))
(alias export $streams "output-stream" (type $output))
(import "wasi:cli/stderr@0.2.6" (instance $stderr
    (alias outer 1 $output (type $o))
    (export "output-stream" (type $stream (eq $o)))
    (export "get-stderr" (func (result (own $stream))))))

(import "wasi:filesystem/types@0.2.6" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))
    (type $p (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $p)))
    (type $o (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $o)))
    (type $d (flags "read" "write" "file-integrity-sync" "data-integrity-sync"
        "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $d)))
    (type $e (enum
        "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota"
        "exist" "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted"
        "invalid" "io" "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error-code (eq $e)))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $descriptor))
        (param "path-flags" $path-flags) (param "path" string)
        (param "open-flags" $open-flags) (param "flags" $descriptor-flags)
        (result (result (own $descriptor) (error $error-code)))))))
(alias export $files "descriptor" (type $descriptor))
(import "wasi:filesystem/preopens@0.2.6" (instance $preopens
    (alias outer 1 $descriptor (type $d))
    (export "descriptor" (type $descriptor (eq $d)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))

(import "wasi:sockets/network@0.2.6" (instance $network
    (export "network" (type (sub resource)))
    (type $e (enum
        "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory"
        "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state"
        "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable"
        "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $e)))
    (type $f (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $f)))))
(alias export $network "network" (type $network))
(alias export $network "error-code" (type $socket-error))
(alias export $network "ip-address-family" (type $family))
(import "wasi:sockets/instance-network@0.2.6" (instance $instance-network
    (alias outer 1 $network (type $n))
    (export "network" (type $network (eq $n)))
    (export "instance-network" (func (result (own $network))))))
(import "wasi:sockets/ip-name-lookup@0.2.6" (instance $lookup
    (alias outer 1 $network (type $n))
    (export "network" (type $network (eq $n)))
    (alias outer 1 $socket-error (type $e))
    (export "error-code" (type $error-code (eq $e)))
    (export "resolve-address-stream" (type $stream (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $network))
        (param "name" string) (result (result (own $stream) (error $error-code)))))))
(import "wasi:sockets/tcp@0.2.6" (instance $tcp
    (export "tcp-socket" (type (sub resource)))))
(alias export $tcp "tcp-socket" (type $tcp-socket))
(import "wasi:sockets/tcp-create-socket@0.2.6" (instance $create-tcp
    (alias outer 1 $socket-error (type $e))
    (export "error-code" (type $error-code (eq $e)))
    (alias outer 1 $family (type $f))
    (export "ip-address-family" (type $family (eq $f)))
    (alias outer 1 $tcp-socket (type $s))
    (export "tcp-socket" (type $socket (eq $s)))
    (export "create-tcp-socket" (func (param "address-family" $family)
        (result (result (own $socket) (error $error-code)))))))
(import "wasi:sockets/udp@0.2.6" (instance $udp
    (export "udp-socket" (type (sub resource)))))
(alias export $udp "udp-socket" (type $udp-socket))
(import "wasi:sockets/udp-create-socket@0.2.6" (instance $create-udp
    (alias outer 1 $socket-error (type $e))
    (export "error-code" (type $error-code (eq $e)))
    (alias outer 1 $family (type $f))
    (export "ip-address-family" (type $family (eq $f)))
    (alias outer 1 $udp-socket (type $s))
    (export "udp-socket" (type $socket (eq $s)))
    (export "create-udp-socket" (func (param "address-family" $family)
        (result (result (own $socket) (error $error-code)))))))

(core func $random (canon lower (func $random "get-random-u64")))
(core func $bytes (canon lower (func $random "get-random-bytes")
    (memory $memory) (realloc (core func $realloc))))
(core func $insecure (canon lower (func $insecure "get-insecure-random-u64")))
(core func $seed (canon lower (func $seed "insecure-seed")
    (memory $memory)))
(core func $now (canon lower (func $wall "now")
    (memory $memory)))
(core func $instant (canon lower (func $monotonic "now")))
(core func $sleep (canon lower (func $monotonic "subscribe-duration")))
(core func $block (canon lower (func $poll "[method]pollable.block")))
(core func $poll (canon lower (func $poll "poll")
    (memory $memory) (realloc (core func $realloc))))
(core func $environment (canon lower (func $environment "get-environment")
    (memory $memory) (realloc (core func $realloc))))
(core func $exit (canon lower (func $exit "exit")))
(core func $stderr (canon lower (func $stderr "get-stderr")))
(core func $print (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory $memory)))
(core func $directories (canon lower (func $preopens "get-directories")
    (memory $memory) (realloc (core func $realloc))))
(core func $open (canon lower (func $files "[method]descriptor.open-at")
    (memory $memory)))
(core func $network (canon lower (func $instance-network "instance-network")))
(core func $resolve (canon lower (func $lookup "resolve-addresses")
    (memory $memory)))
(core func $tcp (canon lower (func $create-tcp "create-tcp-socket")
    (memory $memory)))
(core func $udp (canon lower (func $create-udp "create-udp-socket")
    (memory $memory)))
(core func $drop-stream (canon resource.drop $output))
(core func $drop-waited (canon resource.drop $pollable))
