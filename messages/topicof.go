// SPDX-License-Identifier: MPL-2.0

package messages

// TopicOf returns the number of the topic that a message of the control stream
// is about; false says that it is about none.
func TopicOf(m Message) (uint32, bool) {
	switch m := m.(type) {
	case *Leave:
		return m.Topic, true
	case *Certificate:
		return m.Topic, true
	case *Peaks:
		return m.Topic, true
	case *Diff:
		return m.Topic, true
	case *Events:
		return m.Topic, true
	case *SyncDone:
		return m.Topic, true
	case *Subscribe:
		return m.Topic, true
	case *Fork:
		return m.Topic, true
	case *ProofRequest:
		return m.Topic, true
	case *ProofResponse:
		return m.Topic, true
	case *Have:
		return m.Topic, true
	case *Prune:
		return m.Topic, true
	case *Graft:
		return m.Topic, true
	case *Peers:
		return m.Topic, true
	case *CosignRequest:
		return m.Topic, true
	case *CosignResponse:
		return m.Topic, true
	case *Presence:
		return m.Topic, true
	}
	return 0, false
}
