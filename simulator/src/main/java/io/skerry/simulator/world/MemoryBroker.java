package io.skerry.simulator.world;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An MQTT 5 broker as its clients see it: sessions that outlive a connection for as long as their
 * clients asked, retained messages, wills with a delay, quality of service 1, and bounded queues
 * that drop their oldest message. The messages of one topic reach a subscriber in the order in
 * which they were published; what was not acknowledged comes again after a reconnect. Between
 * topics a broker owes no order, and keeps one here only until topics are to overtake each other.
 */
public final class MemoryBroker {
  /** Messages that wait for one session: as many as the control plane tells its own broker. */
  public static final int QUEUE_MAX = 100_000;

  private static final int CONNECTS_KEPT = 100_000;
  private static final double LOG_LATE_SECONDS_MAX = Math.log(12 * 3600);
  private static final double LOG_LAG_MILLIS_MAX = Math.log(60_000);

  private final World world;
  private final Map<String, Session> sessions = new HashMap<>();
  private final Map<String, byte[]> retained = new TreeMap<>();
  // The topics of these that a filter wants, in their order, until there is another topic.
  private final Map<String, List<String>> wanted = new HashMap<>();
  private final Map<String, Set<Session>> exact = new HashMap<>();
  private final Map<String, Set<Session>> wild = new LinkedHashMap<>();
  // Who gets what is looked up once for each topic: a fleet has few, and uses them for years.
  private final Map<String, List<Session>> routes = new HashMap<>();
  private long delayMillis = 20;
  private boolean up = true;
  private long life;
  private long dropped;
  private Optional<SplittableRandom> late = Optional.empty();
  private Optional<SplittableRandom> overtaking = Optional.empty();
  private final List<Long> connects = new ArrayList<>();

  /** A message on its way to a subscriber. */
  public static final class Message {
    private final String topic;
    private final byte[] payload;

    Message(String topic, byte[] payload) {
      this.topic = topic;
      this.payload = payload;
    }

    public String topic() {
      return topic;
    }

    public byte[] payload() {
      return payload;
    }
  }

  /** What a client does with its connection. */
  public interface Client {
    /** A message came; {@link Connection#acknowledge} ends it. */
    void received(Message message);

    /** The connection is gone. */
    void lost(boolean takenOver);
  }

  /** The broker's last word for a client that goes without one. */
  public static final class Will {
    private final Message message;
    private final long delayMillis;

    /** Told so long after the client is gone. */
    public Will(String topic, byte[] payload, long delayMillis) {
      this.message = new Message(topic, payload);
      this.delayMillis = delayMillis;
    }
  }

  /** An open connection. */
  public final class Connection {
    private final Session session;
    private final Client client;
    private final boolean sessionPresent;
    private final long inLife = life;
    private int unacknowledged;

    private Connection(Session session, Client client, boolean sessionPresent) {
      this.session = session;
      this.client = client;
      this.sessionPresent = sessionPresent;
    }

    /** Whether it stands. */
    public boolean isOpen() {
      return up && inLife == life && session.connection == this;
    }

    /** Whether the broker knew this client's session. */
    public boolean isSessionPresent() {
      return sessionPresent;
    }

    /**
     * Wants the messages of a topic; {@code +} stands for one level. Retained ones come at once.
     */
    public void subscribe(String filter) {
      MemoryBroker.this.subscribe(session, filter);
    }

    /** Gives a message to the broker. */
    public void publish(String topic, byte[] payload, boolean retain) {
      if (isOpen()) {
        MemoryBroker.this.publish(topic, payload, retain);
      }
    }

    /** Ends the oldest message that came and was not ended. */
    public void acknowledge() {
      if (isOpen() && unacknowledged > 0) {
        unacknowledged--;
        session.queue.removeFirst();
      }
    }

    /** Leaves with the broker told. */
    public void leave() {
      if (isOpen()) {
        session.connection = null;
        session.goneAt = world.now();
        session.will = null;
      }
    }

    /** Goes without a word. */
    public void cut() {
      if (isOpen()) {
        drop(session);
      }
    }
  }

  private static final class Session {
    private final MessageQueue queue = new MessageQueue();
    private @Nullable Connection connection;
    private @Nullable Will will;
    private final List<String> filters = new ArrayList<>(3);
    private long millis;
    private long goneAt;
    private long deliveredUntil;
    // When the last message of a topic comes, while topics overtake each other.
    private final Map<String, Long> lastOfTopic = new HashMap<>(0);
    private long willOf;
  }

  /** First in, first out, with a look at any place. */
  private static final class MessageQueue {
    private @Nullable Message[] ring = new Message[2];
    private int head;
    private int size;

    int size() {
      return size;
    }

    void clear() {
      ring = new Message[2];
      head = 0;
      size = 0;
    }

    @Nullable Message get(int position) {
      return position < size ? ring[(head + position) % ring.length] : null;
    }

    void addLast(Message message) {
      if (size == ring.length) {
        @Nullable Message[] larger = new Message[2 * size];
        for (int i = 0; i < size; i++) {
          larger[i] = get(i);
        }
        ring = larger;
        head = 0;
      }
      ring[(head + size++) % ring.length] = message;
    }

    void removeFirst() {
      ring[head] = null;
      head = (head + 1) % ring.length;
      size--;
    }

    /** The first of a topic from a place on; that place where there is none. */
    int find(String topic, int from) {
      for (int i = from; i < size; i++) {
        Message one = get(i);
        if (one != null && one.topic().equals(topic)) {
          return i;
        }
      }
      return from;
    }

    /** Moves a message to an earlier place; those between go one back. */
    void moveUp(int from, int to) {
      if (from == to) {
        return;
      }
      Message moved = get(from);
      for (int i = from; i > to; i--) {
        ring[(head + i) % ring.length] = get(i - 1);
      }
      ring[(head + to) % ring.length] = moved;
    }
  }

  /** A broker that knows nobody yet. */
  public MemoryBroker(World world) {
    this.world = world;
  }

  /** How long a message is under way. */
  void delay(long millis) {
    delayMillis = millis;
  }

  /** From now on some orders come once more, up to hours later; as always when there is none. */
  void late(Optional<SplittableRandom> chance) {
    late = chance;
  }

  /**
   * From now on each message comes up to a minute late, behind those of its topic and of no other;
   * as always when there is none.
   */
  void overtake(Optional<SplittableRandom> chance) {
    overtaking = chance;
    sessions.values().forEach(session -> session.lastOfTopic.clear());
  }

  /**
   * Gives a retained order to the broker as a control plane does that may hang with it in hand: it
   * may come again behind newer ones.
   */
  void order(Connection connection, String topic, byte[] payload) {
    connection.publish(topic, payload, true);
    late.filter(chance -> chance.nextInt(3) == 0)
        .ifPresent(
            chance ->
                world.after(
                    (long) (World.SECOND * Math.exp(chance.nextDouble() * LOG_LATE_SECONDS_MAX)),
                    () -> {
                      if (up) {
                        publish(topic, payload, true);
                      }
                    }));
  }

  /** Whether it answers. */
  public boolean isUp() {
    return up;
  }

  /** Messages that had no room. */
  public long dropped() {
    return dropped;
  }

  /** The most connects in any second of a span of time. */
  long connectsInOneSecond(long from, long lasts) {
    Map<Long, Long> seconds = new HashMap<>();
    connects.stream()
        .filter(at -> at >= from && at < from + lasts)
        .forEach(at -> seconds.merge(at / 1000, 1L, Long::sum));
    return seconds.values().stream().mapToLong(Long::longValue).max().orElse(0);
  }

  /** The retained message of a topic. */
  public Optional<byte[]> retained(String topic) {
    return Optional.ofNullable(retained.get(topic));
  }

  /**
   * Connects; a connection of the same client is thrown out.
   *
   * @param session how long it is known once it is gone
   * @return empty when the broker does not answer
   */
  public Optional<Connection> connect(
      String clientId, Duration session, Optional<Will> will, Client client) {
    if (!up) {
      return Optional.empty();
    }
    Session known = sessions.computeIfAbsent(clientId, id -> new Session());
    boolean present = !isOver(known);
    if (!present) {
      forget(known);
    }
    known.millis = session.toMillis();
    Connection before = known.connection;
    if (before != null) {
      known.connection = null;
      before.client.lost(true);
    }
    if (connects.size() >= CONNECTS_KEPT) {
      connects.clear();
    }
    connects.add(world.now());
    Connection opened = new Connection(known, client, present);
    known.connection = opened;
    known.will = will.orElse(null);
    known.willOf++;
    known.deliveredUntil = world.now();
    deliver(known, opened, known.queue.size());
    return Optional.of(opened);
  }

  private boolean isOver(Session session) {
    return session.connection == null && world.now() - session.goneAt >= session.millis;
  }

  private void forget(Session session) {
    session.queue.clear();
    for (String filter : session.filters) {
      boolean wide = isWide(filter);
      (wide ? wild : exact).getOrDefault(filter, Set.of()).remove(session);
      changedSubscribers(filter);
    }
    session.filters.clear();
  }

  private void changedSubscribers(String filter) {
    if (isWide(filter)) {
      routes.clear();
    } else {
      routes.remove(filter);
    }
  }

  private static boolean isWide(String filter) {
    return filter.contains("+");
  }

  private void subscribe(Session session, String filter) {
    boolean wide = isWide(filter);
    Set<Session> subscribers =
        (wide ? wild : exact).computeIfAbsent(filter, missing -> new LinkedHashSet<>(2));
    if (subscribers.add(session)) {
      session.filters.add(filter);
      changedSubscribers(filter);
    }
    for (String topic : wide ? wanted(filter) : List.of(filter)) {
      byte[] payload = retained.get(topic);
      if (payload != null) {
        enqueue(session, new Message(topic, payload));
      }
    }
  }

  private List<String> wanted(String filter) {
    return wanted.computeIfAbsent(
        filter,
        missing -> retained.keySet().stream().filter(topic -> matches(filter, topic)).toList());
  }

  /** Level by level and without garbage: whoever comes back asks for all that is retained. */
  static boolean matches(String filter, String topic) {
    int wanted = 0;
    int given = 0;
    while (true) {
      int wantedEnd = levelEnd(filter, wanted);
      int givenEnd = levelEnd(topic, given);
      boolean any = wantedEnd == wanted + 1 && filter.charAt(wanted) == '+';
      if (!any
          && (wantedEnd - wanted != givenEnd - given
              || !filter.regionMatches(wanted, topic, given, givenEnd - given))) {
        return false;
      }
      if (wantedEnd == filter.length() || givenEnd == topic.length()) {
        return wantedEnd == filter.length() && givenEnd == topic.length();
      }
      wanted = wantedEnd + 1;
      given = givenEnd + 1;
    }
  }

  private static int levelEnd(String levels, int from) {
    int end = levels.indexOf('/', from);
    return end < 0 ? levels.length() : end;
  }

  void publish(String topic, byte[] payload, boolean retain) {
    if (retain) {
      boolean known =
          payload.length == 0
              ? retained.remove(topic) == null
              : retained.put(topic, payload) != null;
      if (!known) {
        wanted.clear();
      }
    }
    Message message = new Message(topic, payload);
    List<Session> subscribers = routes.get(topic);
    if (subscribers == null) {
      subscribers = route(topic);
      routes.put(topic, subscribers);
    }
    for (Session session : subscribers) {
      enqueue(session, message);
    }
  }

  private List<Session> route(String topic) {
    Set<Session> found = new LinkedHashSet<>(exact.getOrDefault(topic, Set.of()));
    wild.forEach(
        (filter, sessions) -> {
          if (matches(filter, topic)) {
            found.addAll(sessions);
          }
        });
    return List.copyOf(found);
  }

  private void enqueue(Session session, Message message) {
    Connection connection = session.connection;
    if (isOver(session)) {
      return;
    }
    if (session.queue.size() >= QUEUE_MAX) {
      dropped++;
      if (connection != null && connection.unacknowledged > 0) {
        // What is on its way cannot be taken back: the newest has no room.
        return;
      }
      session.queue.removeFirst();
    }
    session.queue.addLast(message);
    if (connection != null) {
      deliver(session, connection, 1);
    }
  }

  private void deliver(Session session, Connection connection, int messages) {
    if (messages == 0) {
      return;
    }
    if (overtaking.isPresent()) {
      for (int i = session.queue.size() - messages; i < session.queue.size(); i++) {
        Message message = session.queue.get(i);
        if (message != null) {
          deliverLate(session, connection, message.topic(), overtaking.get());
        }
      }
      return;
    }
    session.deliveredUntil = Math.max(session.deliveredUntil, world.now() + delayMillis);
    world.at(
        session.deliveredUntil,
        () -> {
          for (int i = 0; i < messages && connection.isOpen(); i++) {
            deliverNext(session, connection);
          }
        });
  }

  private void deliverLate(
      Session session, Connection connection, String topic, SplittableRandom chance) {
    long lag = (long) Math.exp(chance.nextDouble() * LOG_LAG_MILLIS_MAX);
    long due =
        Math.max(session.lastOfTopic.getOrDefault(topic, 0L), world.now() + delayMillis + lag);
    session.lastOfTopic.put(topic, due);
    world.at(
        due,
        () -> {
          if (connection.isOpen()) {
            MessageQueue queue = session.queue;
            int from = connection.unacknowledged;
            queue.moveUp(queue.find(topic, from), from);
            deliverNext(session, connection);
          }
        });
  }

  private static void deliverNext(Session session, Connection connection) {
    Message next = session.queue.get(connection.unacknowledged);
    if (next != null) {
      connection.unacknowledged++;
      connection.client.received(next);
    }
  }

  /** Breaks a connection: the session waits, the will is told when nobody comes back in time. */
  private void drop(Session session) {
    Connection connection = session.connection;
    if (connection == null) {
      return;
    }
    session.connection = null;
    session.goneAt = world.now();
    Will will = session.will;
    if (will != null) {
      long of = session.willOf;
      long diedIn = life;
      world.after(
          Math.min(will.delayMillis, session.millis),
          () -> {
            if (up && life == diedIn && session.willOf == of && session.connection == null) {
              publish(will.message.topic(), will.message.payload(), true);
            }
          });
    }
    connection.client.lost(false);
  }

  /** The broker dies, and forgets everything. */
  public void kill() {
    up = false;
    life++;
    List<Session> connected =
        sessions.entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(Map.Entry::getValue)
            .toList();
    sessions.clear();
    retained.clear();
    wanted.clear();
    exact.clear();
    wild.clear();
    routes.clear();
    for (Session session : connected) {
      Connection connection = session.connection;
      session.connection = null;
      if (connection != null) {
        connection.client.lost(false);
      }
    }
  }

  /** It answers again, and knows nothing. */
  public void start() {
    up = true;
  }
}
