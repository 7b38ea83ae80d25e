package io.skerry.e2e.scene;

import io.skerry.agent.boot.AgentExecutors;
import io.skerry.agent.boot.DeviceAgent;
import io.skerry.agent.boot.DeviceAgentConfig;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.e2e.net.TcpProxy;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareFacts;
import io.skerry.protocol.DeviceId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Many real agents in this process that share one way to the broker. */
public final class Storm implements AutoCloseable {
  private static final long SPOOL_BYTES = 1L << 20;
  private static final int RING = 64;

  private final TcpProxy link;
  private final AgentExecutors executors = AgentExecutors.create();
  private final List<DeviceAgent> agents = new ArrayList<>();

  private Storm(TcpProxy link) {
    this.link = link;
  }

  /** Enrols and starts so many devices. */
  public static Storm of(Lab lab, int devices) throws Exception {
    Path place = lab.place();
    Storm storm = new Storm(TcpProxy.before(lab.plane().server().mqttPort()));
    EngineCatalog engines = EngineCatalog.discovered();
    HardwareFacts facts = FactsProbe.detect(engines.usable());
    for (int i = 0; i < devices; i++) {
      Path data = place.resolve("d" + i);
      DeviceId device = new DeviceId("storm-%s-%d".formatted(place.getFileName(), i));
      Enrolled.into(data, lab.plane(), device, storm.link);
      storm.agents.add(
          DeviceAgent.start(
              DeviceAgentConfig.of(
                      data,
                      DeviceIdentity.load(Disk.local(), data),
                      facts,
                      engines,
                      storm.executors)
                  .withLimits(SPOOL_BYTES, RING, 1)));
    }
    return storm;
  }

  /** The way to the broker. */
  public TcpProxy link() {
    return link;
  }

  /** Waits until so many are connected. */
  public void awaitConnected(int wanted) throws Exception {
    Await.until(
        Scene.PATIENCE.multipliedBy(2),
        wanted + " connected",
        () -> connected() == wanted,
        () -> connected() + " are");
  }

  private long connected() {
    return agents.stream()
        .filter(agent -> agent.status().link() == DeviceLink.State.CONNECTED)
        .count();
  }

  @Override
  public void close() {
    // Each says farewell by itself: one after the other takes too long.
    List<Thread> closing =
        agents.stream().map(agent -> Thread.ofVirtual().start(agent::close)).toList();
    try {
      for (Thread thread : closing) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    link.close();
    executors.close();
  }
}
