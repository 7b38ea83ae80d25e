package io.skerry.contract;

import io.skerry.simulator.world.StandIns;

/** A broker on which topics overtake each other is still one as the contract has it. */
class OvertakingBrokerTest extends MemoryBrokerContractTest {
  OvertakingBrokerTest() {
    StandIns.overtake(broker());
  }
}
