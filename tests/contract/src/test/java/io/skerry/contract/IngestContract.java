package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.PahoLink;
import io.skerry.api.TelemetryView;
import io.skerry.e2e.RunningServer;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a device's link to the stored record and back, whatever database stores it. */
abstract class IngestContract {
  private static final DeviceId DEVICE = new DeviceId("device-1");
  private static final long BOOT_EPOCH = 7;
  private static final DeviceFacts FACTS =
      new DeviceFacts("arm64", List.of("asimd"), 4, 1L << 30, List.of(), List.of(), "board");

  @TempDir Path folder;

  /** Options of {@code skerry server} that name the database. */
  abstract List<String> database() throws Exception;

  @Test
  void storesARecordOnceHoweverOftenItIsSentAndTellsTheDevice() throws Exception {
    try (RunningServer server = RunningServer.start(folder, database())) {
      Path data = folder.resolve("device");
      DeviceClock clock = DeviceClock.open(Disk.local(), data, AgentVersion.builtAt());
      DeviceIdentity identity =
          new Enrolment(Disk.local(), data, Optional.empty(), clock)
              .enrol(
                  server.enrolmentToken(),
                  new Enrolment.Applicant(DEVICE, Map.of("site", "a"), FACTS));
      BlockingQueue<List<CommittedRange>> committed = new LinkedBlockingQueue<>();
      BlockingQueue<Boolean> connected = new LinkedBlockingQueue<>();
      try (DeviceLogin login =
              DeviceLogin.open(
                  Disk.local(),
                  data,
                  identity,
                  clock,
                  () -> {
                    throw new IllegalStateException("nothing is signed here");
                  },
                  Thread::startVirtualThread);
          DeviceLink link = link(identity, login)) {
        link.start(new Listening(identity, connected, committed));
        assertThat(connected.poll(30, TimeUnit.SECONDS)).isTrue();

        byte[] first = batch(1, 2, 3);
        send(link, identity, first);
        assertThat(through(committed, 3)).isEqualTo(3);
        send(link, identity, first);
        send(link, identity, batch(4));
        assertThat(through(committed, 4)).isEqualTo(4);

        TelemetryView telemetry = server.client().get("/v1/telemetry", TelemetryView.class);
        assertThat(telemetry.eventsStored()).isEqualTo(4);
        assertThat(telemetry.duplicatesRefused()).isEqualTo(3);
        assertThat(telemetry.missing()).isZero();
      }
    }
  }

  private static DeviceLink link(DeviceIdentity identity, DeviceLogin login) {
    return new PahoLink(
        new LinkConfig(
            identity.mqttHost(),
            identity.mqttPort(),
            identity.tenant(),
            identity.device(),
            login::forLink,
            BOOT_EPOCH,
            "instance"),
        InstantSource.system(),
        RandomGenerator.getDefault(),
        Thread::startVirtualThread);
  }

  private static void send(DeviceLink link, DeviceIdentity identity, byte[] batch)
      throws Exception {
    link.publish(Topics.records(identity.tenant(), DEVICE, RecordStream.EVENTS), batch);
  }

  private static byte[] batch(long... sequences) {
    RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(BOOT_EPOCH);
    for (long sequence : sequences) {
      batch.addRecords(
          Record.newBuilder()
              .setSequence(sequence)
              .setAtMillis(1_700_000_000_000L + sequence)
              .setEvent(Event.newBuilder().setCode("TESTED")));
    }
    return batch.build().toByteArray();
  }

  /** The committed mark of events once it has reached this one. */
  private static long through(BlockingQueue<List<CommittedRange>> committed, long wanted)
      throws InterruptedException {
    long through = 0;
    while (through < wanted) {
      List<CommittedRange> ranges = committed.poll(30, TimeUnit.SECONDS);
      assertThat(ranges).as("committed ranges from the control plane").isNotNull();
      for (CommittedRange range : ranges) {
        if (range.stream() == RecordStream.EVENTS && range.bootEpoch() == BOOT_EPOCH) {
          through = Math.max(through, range.through());
        }
      }
    }
    return through;
  }

  private record Listening(
      DeviceIdentity identity,
      BlockingQueue<Boolean> connects,
      BlockingQueue<List<CommittedRange>> committed)
      implements DeviceLink.Listener {
    @Override
    public void connected() {
      connects.add(true);
    }

    @Override
    public void received(String topic, byte[] payload) {
      if (topic.equals(Topics.device(identity.tenant(), DEVICE, Topics.COMMITTED))) {
        try {
          committed.add(ProtocolCodec.decodeCommitted(payload));
        } catch (MalformedDocumentException e) {
          throw new AssertionError(e);
        }
      }
    }
  }
}
