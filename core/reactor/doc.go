// Package reactor is the reactor: one epoll set, a wake-up, timers and posted work. It
// knows nothing of sockets and imports only core/sys.
//
// Descriptors are watched edge-triggered with one fixed mask: a single epoll_ctl in
// the life of a connection, and one that nobody reads cannot spin the loop, which a
// level-triggered one does after a reset, since HUP and ERR cannot be masked. The
// price is that a Handler remembers what it was told until the kernel says EAGAIN.
//
// poller.go is the seam to the kernel: epoll, or a fake one in tests.
//
// Schedule may be called from any thread. Everything else belongs to the loop's
// thread, the one that is inside Step or on which nobody is.
package reactor
