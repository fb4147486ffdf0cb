package netaddr

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ohsocket/core/errcode"
)

// zones caches the names of interfaces: the text of a scoped address may be
// wanted for every datagram.
var zones zoneCache

const (
	// An interface can be renamed or removed, so that a name is only believed
	// for a while.
	zoneLifetime = 5 * time.Second
	maxZones     = 256
)

type zoneCache struct {
	mu    sync.RWMutex
	names map[uint32]zoneName
}

type zoneName struct {
	name    string // empty: there is no such interface
	expires time.Time
}

// appendName appends the name of an interface, its index if it has none.
func (c *zoneCache) appendName(b []byte, index uint32) []byte {
	now := time.Now()
	c.mu.RLock()
	zone, ok := c.names[index]
	c.mu.RUnlock()
	if !ok || now.After(zone.expires) {
		name, err := interfaceName(index)
		zone = zoneName{name, now.Add(zoneLifetime)}
		if err == nil || err == unix.ENODEV {
			c.store(index, zone)
		}
	}
	if zone.name == "" {
		return strconv.AppendUint(b, uint64(index), 10)
	}
	return append(b, zone.name...)
}

func (c *zoneCache) store(index uint32, zone zoneName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil || len(c.names) >= maxZones {
		c.names = make(map[uint32]zoneName)
	}
	c.names[index] = zone
}

// ParseInterface returns the index of an interface, which the text names or is. The codes are those
// of parseZone.
func ParseInterface(text string) (uint32, errcode.Code) { return parseZone(text) }

// parseZone returns the scope id of a zone, which is the name of an interface
// or its index. It is Parameter if the zone can be neither, and ENODEV if the
// interface does not exist. Nothing is cached here: an interface that was
// created a moment ago is found, one that has got a new index as well.
func parseZone(zone string) (uint32, errcode.Code) {
	if zone == "" || len(zone) >= unix.IFNAMSIZ || strings.ContainsFunc(zone, notInZone) {
		return 0, errcode.Parameter
	}
	index, err := interfaceIndex(zone)
	if err == unix.ENODEV { // an interface may well be called "2"
		if n, e := strconv.ParseUint(zone, 10, 32); e == nil && n <= math.MaxInt32 {
			index = uint32(n)
			_, err = interfaceName(index)
		}
	}
	if err == nil {
		return index, errcode.OK
	}
	errno, ok := err.(unix.Errno)
	if !ok {
		return 0, errcode.Internal
	}
	return 0, errcode.FromErrno(errcode.Client, errno)
}

// notInZone reports whether no interface name may contain r. The kernel
// refuses '/', ':' and white space; an IPv6 zone has its own '%'.
func notInZone(r rune) bool { return r <= ' ' || r == '/' || r == ':' || r == '%' || r == 0x7f }

// interfaceIndex and interfaceName ask by ioctl: package net would fetch the
// list of all interfaces by netlink.

func interfaceIndex(name string) (uint32, error) {
	ifreq, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := ioctlInterface(unix.SIOCGIFINDEX, ifreq); err != nil {
		return 0, err
	}
	return ifreq.Uint32(), nil
}

func interfaceName(index uint32) (string, error) {
	ifreq, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	ifreq.SetUint32(index)
	if err := ioctlInterface(unix.SIOCGIFNAME, ifreq); err != nil {
		return "", err
	}
	return ifreq.Name(), nil
}

func ioctlInterface(request uint, ifreq *unix.Ifreq) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.IoctlIfreq(fd, request, ifreq)
}
