package io.skerry.agent.update;

import io.skerry.protocol.SlotId;

/** What a slot wants done. */
record Wanted(SlotId slot, UpdateEffect effect) {}
