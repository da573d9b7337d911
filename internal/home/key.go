// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"crypto/ed25519"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A DeviceKey says which key the device that says it has in a topic, whose id is the
// event's key. The signature binds the one key to the other, so that no device can say that
// another's key is its own.
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1     32  the device's key in the topic
//	    33     64  signature of that key
type DeviceKey struct {
	Key roster.Key
	Sig [identity.SignatureBytes]byte
}

// SignDeviceKey has a device's key in a topic sign which key the device has in the home
// topic.
func SignDeviceKey(home, topic digest.Hash, device roster.Key, key ed25519.PrivateKey) *DeviceKey {
	return &DeviceKey{identity.PublicKey(key), identity.Sign(key, identity.TagHomeKey, home[:], topic[:], device[:])}
}

// Verify reports whether the key signed that it is of a device.
func (k *DeviceKey) Verify(home, topic digest.Hash, device roster.Key) bool {
	return identity.VerifySignature(k.Key, k.Sig[:], identity.TagHomeKey, home[:], topic[:], device[:])
}

// Append appends the bytes of k.
func (k *DeviceKey) Append(b []byte) []byte {
	return append(append(append(b, version), k.Key[:]...), k.Sig[:]...)
}

// ParseDeviceKey decodes what Append wrote. The error is ErrMalformed.
func ParseDeviceKey(b []byte) (*DeviceKey, error) {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return nil, err
	}
	k := &DeviceKey{Key: r.key()}
	copy(k.Sig[:], r.take(len(k.Sig)))
	return k, r.end()
}

// maxKeys is how many keys a device has in a topic: each time it was found in another
// place, as a copy is, it has another one.
const maxKeys = 64

// Keys returns the keys that a device, as the home topic knows it, has or had in a topic.
// It is not to be written to.
func (s *State) Keys(device roster.Key, topic digest.Hash) []roster.Key {
	return s.keys[At{topic, device}]
}

func (s *State) addKey(topic digest.Hash, e Entry) error {
	k, err := ParseDeviceKey(e.Payload)
	if err != nil {
		return err
	}
	if !k.Verify(s.id, topic, e.Author) {
		return malformed("a key that did not sign that it is of this device")
	}
	at := At{topic, e.Author}
	s.keys[at] = least(s.keys[at], k.Key, func(a, b roster.Key) int { return bytes.Compare(a[:], b[:]) }, maxKeys)
	return nil
}

// AppendGone appends the bytes of an event that says that a device, whose key in the home
// topic is the event's key, is to be removed from every topic.
//
//	offset  bytes  field
//	     0      1  version, 1
func AppendGone(b []byte) []byte { return append(b, version) }

// ParseGone reads what AppendGone wrote. The error is ErrMalformed.
func ParseGone(b []byte) error {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return err
	}
	return r.end()
}

// Gone returns the devices that are to be removed from every topic, by rising keys.
func (s *State) Gone() []roster.Key {
	return slices.SortedFunc(maps.Keys(s.gone), func(a, b roster.Key) int { return bytes.Compare(a[:], b[:]) })
}

// IsGone reports whether a device is one of those.
func (s *State) IsGone(device roster.Key) bool { return s.gone[device] }

func (s *State) addGone(device roster.Key, e Entry) error {
	err := ParseGone(e.Payload)
	if err == nil {
		s.gone[device] = true
	}
	return err
}

// A Presence is where a device is, as it said: a topic that has members.
type Presence struct {
	Topic digest.Hash
	Name  string
	Keys  []roster.Key // that it has or had there; none if it did not say
}

// Presences returns the topics with members that a device, as the home topic knows it, said
// that it is in, or which key it has in. What it returns does not change with s.
func (s *State) Presences(device roster.Key) (all []Presence) {
	for _, t := range s.Topics() {
		keys := s.Keys(device, t.ID)
		if t.Genesis.Policy.Has(identity.PolicyOpen) || t.Of(device) == nil && len(keys) == 0 {
			continue
		}
		name, _ := t.Name()
		all = append(all, Presence{t.ID, name, slices.Clone(keys)})
	}
	return all
}
