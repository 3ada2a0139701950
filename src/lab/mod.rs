//! Git trees to and from the model: the queue, boards, journals, claims, heartbeats.
