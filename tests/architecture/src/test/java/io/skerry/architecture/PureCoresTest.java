package io.skerry.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitAccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.net.Socket;
import java.net.http.HttpClient;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.InstantSource;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Calendar;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TimeZone;
import java.util.Timer;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.BaseStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What decides has no clock, no randomness, no thread and no I/O of its own. */
class PureCoresTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.skerry");

  /** What machines of the agent have in files of their own. */
  private static final Set<String> PARTS =
      Set.of("OrderCourse", "StepFaults", "StepTimers", "UnitRule", "ProbationRule", "Failures");

  /** A job that runs on whatever thread it is given can be interrupted there. */
  private static final Set<String> THREAD_OF_THE_CALLER =
      Set.of("currentThread", "interrupt", "interrupted", "isInterrupted");

  /** Clocks that take the machine's time. */
  private static final Set<String> TICKS = Set.of("tickMillis", "tickSeconds", "tickMinutes");

  /** What hands over to threads, or to a time. */
  private static final Set<String> FORKS =
      Set.of(
          "supplyAsync",
          "runAsync",
          "thenRunAsync",
          "thenApplyAsync",
          "thenAcceptAsync",
          "delayedExecutor",
          "orTimeout",
          "completeOnTimeout");

  private static final DescribedPredicate<JavaClass> CORES =
      resideInAnyPackage(
              "io.skerry.protocol..",
              "io.skerry.telemetry..",
              "io.skerry.fleet..",
              "io.skerry.artifact.trust..")
          .or(
              DescribedPredicate.describe(
                  "are machines of the agent",
                  type ->
                      type.getPackageName().startsWith("io.skerry.agent")
                          && (type.getSimpleName().endsWith("Machine")
                              || PARTS.contains(type.getSimpleName()))))
          .as("cores");

  @Test
  void everyPartIsThere() {
    assertThat(
            CLASSES.stream()
                .filter(type -> type.getPackageName().startsWith("io.skerry.agent"))
                .map(JavaClass::getSimpleName))
        .containsAll(PARTS);
  }

  /**
   * What of the agent's spool, uplink, updater, observer, models and clock meets the machine or the
   * network; everything beside it is given them.
   */
  private static final Set<String> ADAPTERS =
      Set.of(
          "io.skerry.agent.uplink.PahoLink",
          "io.skerry.agent.uplink.PahoSession",
          "io.skerry.agent.uplink.BrokerSocket",
          "io.skerry.agent.uplink.Greeting",
          "io.skerry.agent.uplink.InboundGuard",
          "io.skerry.agent.uplink.Inbox",
          "io.skerry.agent.uplink.LastWordSocket",
          "io.skerry.agent.uplink.Pings",
          "io.skerry.agent.update.BodyFeed",
          "io.skerry.agent.update.MemoryMeter",
          "io.skerry.agent.model.BatchingModel",
          "io.skerry.agent.model.IndependentRows",
          "io.skerry.agent.model.MemoryRoom",
          "io.skerry.agent.model.NativeMemory",
          "io.skerry.agent.model.PeakMemory",
          "io.skerry.agent.model.Pipelines",
          "io.skerry.agent.model.RunRoom",
          "io.skerry.agent.model.ShadowThread",
          "io.skerry.agent.model.WarmUp");

  /**
   * Ways to the machine that somebody takes who has one; the simulation takes others. Batches, the
   * steps of a pipeline, and what waits for a close, are not in it.
   */
  private static final Set<String> WAYS_IN =
      Set.of(
          "DeviceClock.open",
          "Predictor.<init>",
          "ModelSlots.<init>",
          "CallTimes.now",
          "EngineCatalog.load",
          "ModelLease.runStep",
          "ServingModel.awaitClosed");

  private static final DescribedPredicate<JavaClass> DECIDING =
      DescribedPredicate.describe(
          "decide in the agent",
          type ->
              (resideInAnyPackage(
                              "io.skerry.agent.uplink..",
                              "io.skerry.agent.update..",
                              "io.skerry.agent.model..",
                              "io.skerry.agent.observe..",
                              "io.skerry.agent.time..")
                          .test(type)
                      || outermost(type).equals("io.skerry.agent.boot.BootEpoch")
                      || outermost(type).equals("io.skerry.agent.disk.DurableFile"))
                  && !ADAPTERS.contains(outermost(type)));

  private static String outermost(JavaClass type) {
    return type.getName().split("\\$", 2)[0];
  }

  @Test
  void everyAdapterIsThere() {
    assertThat(CLASSES.stream().map(JavaClass::getName)).containsAll(ADAPTERS);
  }

  /** They run in the simulation as they are: what they asked the machine would be no simulation. */
  @Test
  void whatDecidesInTheAgentIsGivenItsClockItsChanceItsThreadsAndItsDisk() {
    noClasses()
        .that(DECIDING)
        .should()
        .accessTargetWhere(
            DescribedPredicate.describe(
                "asks the machine",
                access -> !isWayIn(access) && asksTheMachine(access.getTarget())))
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(ThreadLocalRandom.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(ExecutorService.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Timer.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(LockSupport.class)
        .check(CLASSES);
  }

  private static boolean isWayIn(JavaAccess<?> access) {
    return WAYS_IN.contains(
        access.getOriginOwner().getSimpleName() + "." + access.getOrigin().getName());
  }

  private static boolean asksTheMachine(AccessTarget member) {
    JavaClass owner = member.getOwner();
    String name = member.getName();
    boolean waits =
        (owner.isEquivalentTo(Thread.class) && !THREAD_OF_THE_CALLER.contains(name))
            || (owner.isEquivalentTo(TimeUnit.class) && name.equals("sleep"))
            || (owner.isEquivalentTo(Object.class) && name.equals("wait"))
            || owner.isEquivalentTo(Executors.class)
            || waitsOrForks(member);
    boolean disk =
        owner.isEquivalentTo(Files.class)
            || owner.isAssignableTo(FileChannel.class)
            || (owner.getPackageName().equals("java.io")
                && owner.getSimpleName().startsWith("File")
                && !owner.isAssignableTo(Throwable.class));
    boolean network =
        (owner.isEquivalentTo(HttpClient.class) && name.startsWith("new"))
            || owner.isAssignableTo(Socket.class);
    return asksClockOrChance(member) || waits || disk || network;
  }

  private static final DescribedPredicate<JavaClass> SIMULATION =
      resideInAnyPackage(
              "io.skerry.simulator.world..",
              "io.skerry.simulator.disk..",
              "io.skerry.simulator.scenario..")
          .as("the simulation");

  @Test
  void coresAskNoClockAndNoChance() {
    noClasses()
        .that(CORES)
        .should()
        .accessTargetWhere(
            target(
                "reads the wall clock, draws at random, waits or forks",
                member -> asksClockOrChance(member) || waitsOrForks(member)))
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(ThreadLocalRandom.class)
        .check(CLASSES);
  }

  private static boolean asksClockOrChance(AccessTarget member) {
    JavaClass owner = member.getOwner();
    String name = member.getName();
    boolean clock =
        (owner.getPackageName().equals("java.time") && name.equals("now"))
            || (owner.isEquivalentTo(System.class)
                && (name.equals("currentTimeMillis") || name.equals("nanoTime")))
            || (owner.isAssignableTo(InstantSource.class)
                && (name.startsWith("system") || TICKS.contains(name))
                && member instanceof CodeUnitAccessTarget)
            || (owner.isEquivalentTo(Date.class) && takes(member))
            || (owner.isAssignableTo(Calendar.class) && name.equals("getInstance"));
    boolean place =
        (owner.isEquivalentTo(ZoneId.class) && name.equals("systemDefault"))
            || (owner.isEquivalentTo(TimeZone.class) && name.equals("getDefault"))
            || (owner.isEquivalentTo(Locale.class) && name.equals("getDefault"));
    boolean chance =
        (owner.isEquivalentTo(Math.class) && name.equals("random"))
            || (owner.isEquivalentTo(UUID.class) && name.equals("randomUUID"))
            || (owner.isAssignableTo(Random.class) && name.equals("<init>"))
            || (owner.isEquivalentTo(SecureRandom.class) && name.startsWith("get"))
            || (owner.isEquivalentTo(RandomGenerator.class)
                && (name.equals("getDefault") || name.equals("of")))
            || owner.isEquivalentTo(RandomGeneratorFactory.class)
            || (owner.isEquivalentTo(Collections.class)
                && name.equals("shuffle")
                && takes(member, List.class))
            || (owner.isEquivalentTo(System.class) && name.equals("identityHashCode"))
            // Without a seed.
            || (owner.isEquivalentTo(SplittableRandom.class)
                && name.equals("<init>")
                && takes(member));
    return clock || place || chance;
  }

  /** Whether a method takes just these. */
  private static boolean takes(AccessTarget member, Class<?>... parameters) {
    return member instanceof CodeUnitAccessTarget method
        && method.getRawParameterTypes().stream()
            .map(JavaClass::getName)
            .toList()
            .equals(Stream.of(parameters).map(Class::getName).toList());
  }

  // Until something happens elsewhere or its time is over, or on other threads.
  private static boolean waitsOrForks(AccessTarget member) {
    return member instanceof CodeUnitAccessTarget method
        && (method.getRawParameterTypes().stream()
                .anyMatch(type -> type.isEquivalentTo(TimeUnit.class))
            || (method.getOwner().isEquivalentTo(CompletableFuture.class)
                && FORKS.contains(method.getName()))
            || method.getName().equals("parallelStream")
            || (method.getOwner().isAssignableTo(BaseStream.class)
                && method.getName().equals("parallel")));
  }

  @Test
  void theSimulationAsksNoClockAndNoChanceAndNeverWaits() {
    noClasses()
        .that(SIMULATION)
        .should()
        .accessTargetWhere(
            target(
                "reads the wall clock, draws at random or waits",
                member ->
                    asksClockOrChance(member)
                        || waitsOrForks(member)
                        || (member.getOwner().isEquivalentTo(Object.class)
                            && member.getName().equals("wait"))))
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(ThreadLocalRandom.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Thread.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(ExecutorService.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Timer.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(LockSupport.class)
        .check(CLASSES);
  }

  @Test
  void coresStartNoThreadsAndDoNoInputOrOutput() {
    noClasses()
        .that(CORES)
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                    "java.io..",
                    "java.nio.file..",
                    "java.nio.channels..",
                    "java.net.http..",
                    "java.sql..",
                    "javax.sql..",
                    "java.util.concurrent..",
                    "io.micronaut..",
                    "org.slf4j..")
                // Serializable and checked I/O exceptions of generated messages are no I/O.
                .and(
                    DescribedPredicate.describe(
                        "do something",
                        type ->
                            !type.getName().equals("java.io.Serializable")
                                && !type.isAssignableTo(Throwable.class))))
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Thread.class)
        .check(CLASSES);
  }

  /** What each of these does, a core may not. */
  @SuppressWarnings({"UnusedMethod", "JavaUtilDate"}) // Read, not run.
  private static final class Forbidden {
    private Forbidden() {}

    static Object clocks() {
      return List.of(
          System.nanoTime(),
          Clock.tickSeconds(ZoneOffset.UTC),
          new Date(),
          Calendar.getInstance(),
          ZoneId.systemDefault(),
          Locale.getDefault());
    }

    static Object chances(List<String> list) {
      Collections.shuffle(list);
      return List.of(
          UUID.randomUUID(),
          RandomGenerator.of("L64X128MixRandom"),
          new SecureRandom(),
          new SplittableRandom(),
          System.identityHashCode(list));
    }

    static Object waits(Semaphore semaphore, List<String> list) throws InterruptedException {
      return List.of(
          semaphore.tryAcquire(1, TimeUnit.SECONDS),
          CompletableFuture.runAsync(list::clear),
          list.parallelStream(),
          list.stream().parallel());
    }
  }

  @Test
  void everyOneOfThemIsSeen() {
    JavaClass forbidden = new ClassFileImporter().importClass(Forbidden.class);

    assertThat(asked(forbidden, "clocks", PureCoresTest::asksClockOrChance)).isEqualTo(6);
    assertThat(asked(forbidden, "chances", PureCoresTest::asksClockOrChance)).isEqualTo(6);
    assertThat(asked(forbidden, "waits", PureCoresTest::waitsOrForks)).isEqualTo(4);
  }

  private static long asked(JavaClass in, String method, Predicate<AccessTarget> what) {
    return in.getAccessesFromSelf().stream()
        .filter(access -> access.getOrigin().getName().equals(method))
        .filter(access -> what.test(access.getTarget()))
        .count();
  }

  private static DescribedPredicate<JavaAccess<?>> target(
      String description, Predicate<AccessTarget> predicate) {
    return DescribedPredicate.describe(description, access -> predicate.test(access.getTarget()));
  }
}
