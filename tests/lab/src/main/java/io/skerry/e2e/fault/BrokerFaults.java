package io.skerry.e2e.fault;

import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Plane;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.Stored;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** The broker, and what it makes of messages. */
final class BrokerFaults {
  private static final int BATCHES = 20;
  private static final int BATCH_RECORDS = 10;
  private static final long SEED = 5;
  private static final long MADE_MILLIS = 1_700_000_000_000L;

  private BrokerFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of(
                "broker-killed-and-empty",
                "the control plane's process, and the broker in it, are killed with kill -9 under"
                    + " load; both come back, the broker with nothing in it",
                "orders and records go on",
                BrokerFaults::killed)
            .alone(),
        Fault.of(
            "broker-restored-from-old-backup",
            "the broker's retained order is replaced by the one before it, and the device connects"
                + " anew",
            "the old order loses; a next one is carried out",
            BrokerFaults::oldBackup),
        Fault.of(
            "orders-doubled-and-reordered",
            "five orders, published again and again in an order of a fixed seed",
            "the newest wins",
            BrokerFaults::shuffledOrders),
        Fault.whole(
            "records-reordered",
            "twenty batches of records of one boot, each published twice, in an order of a fixed"
                + " seed",
            "each record is stored once",
            BrokerFaults::shuffledRecords));
  }

  private static void killed(Scene scene, Notes notes) throws Exception {
    scene.lab().plane().kill();
    long answered = scene.application().answered();
    Thread.sleep(Duration.ofSeconds(2));
    notes.require(
        scene.application().answered() > answered, "no prediction while the control plane is away");
    scene.lab().plane().startAgain();
    scene.link().target(scene.lab().plane().server().mqttPort());
    scene.awaitLink(true);
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static void oldBackup(Scene scene, Notes notes) throws Exception {
    Plane plane = scene.lab().plane();
    byte[] old = plane.retainedDesired(scene.device());
    notes.require(old.length > 0, "the broker keeps no order");
    scene.orderNext();
    scene.awaitCommitted();
    plane.publish(Plane.desiredTopic(scene.device()), old, true);
    reconnect(scene);
    Artifact expected = scene.expected();
    boolean wentBack =
        Await.within(
            Duration.ofSeconds(3),
            () -> scene.application().version() != expected.version() || !scene.isIn("COMMITTED"));
    notes.require(!wentBack, "the old order was obeyed: %s", scene.state());
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static void reconnect(Scene scene) throws Exception {
    long before = scene.link().connections();
    scene.link().reset();
    Await.until(
        Scene.PATIENCE,
        "a new connection",
        () -> scene.link().connections() > before,
        scene::state);
    scene.awaitLink(true);
  }

  private static void shuffledOrders(Scene scene, Notes notes) throws Exception {
    Plane plane = scene.lab().plane();
    List<byte[]> orders = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      scene.orderNext();
      scene.awaitCommitted();
      byte[] order = plane.retainedDesired(scene.device());
      orders.add(order);
      orders.add(order);
    }
    byte[] newest = orders.getLast();
    Collections.shuffle(orders, new Random(SEED));
    for (byte[] order : orders) {
      plane.publish(Plane.desiredTopic(scene.device()), order, false);
    }
    reconnect(scene);
    plane.publish(Plane.desiredTopic(scene.device()), newest, false);
    notes.figure("%d messages", orders.size() + 1);
  }

  private static void shuffledRecords(Lab lab, Fault.Depth depth, Notes notes) throws Exception {
    try (Scene scene = Scene.open(lab, "records-reordered")) {
      // A boot that the real agent will never reach.
      long epoch = 1_000_000;
      List<byte[]> batches = new ArrayList<>();
      for (int i = 0; i < BATCHES; i++) {
        byte[] batch = batch(epoch, 1 + (long) i * BATCH_RECORDS);
        batches.add(batch);
        batches.add(batch);
      }
      Collections.shuffle(batches, new Random(SEED));
      for (byte[] batch : batches) {
        lab.plane().publish(topic(scene.device()), batch, false);
      }
      long all = (long) BATCHES * BATCH_RECORDS;
      Await.until(
          Scene.PATIENCE,
          all + " records stored",
          () -> stored(lab, scene.device(), epoch).count() == all,
          () -> stored(lab, scene.device(), epoch).toString());
      Stored stored = stored(lab, scene.device(), epoch);
      notes.require(
          stored.rows() == all && stored.highest() == all, "of %d records: %s", all, stored);
      notes.require(
          Await.within(
              Scene.PATIENCE, () -> stored(lab, scene.device(), epoch).duplicates() == all),
          "%d records came again: %s",
          all,
          stored(lab, scene.device(), epoch));
      notes.figure("%d records, each twice", all);
    }
  }

  private static String topic(DeviceId device) {
    return Topics.records(new TenantId("default"), device, RecordStream.EVENTS);
  }

  private static Stored stored(Lab lab, DeviceId device, long epoch) {
    return lab.plane().stored(device).stream()
        .filter(one -> one.origin().epoch() == epoch)
        .findFirst()
        .orElseGet(() -> Stored.none(epoch, RecordStream.EVENTS));
  }

  private static byte[] batch(long epoch, long first) {
    RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(epoch);
    for (long sequence = first; sequence < first + BATCH_RECORDS; sequence++) {
      batch.addRecords(
          Record.newBuilder()
              .setSequence(sequence)
              .setAtMillis(MADE_MILLIS + sequence)
              .setEvent(Event.newBuilder().setCode("FAULT_TEST")));
    }
    return batch.build().toByteArray();
  }
}
