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
import java.time.InstantSource;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.Timer;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
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
            target("reads the wall clock or draws at random", PureCoresTest::asksClockOrChance))
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
            || (owner.isAssignableTo(InstantSource.class) && name.startsWith("system"));
    boolean chance =
        (owner.isEquivalentTo(Math.class) && name.equals("random"))
            || (owner.isEquivalentTo(UUID.class) && name.equals("randomUUID"))
            || (owner.isAssignableTo(Random.class) && name.equals("<init>"))
            || (owner.isEquivalentTo(RandomGenerator.class) && name.equals("getDefault"))
            // Without a seed.
            || (owner.isEquivalentTo(SplittableRandom.class)
                && name.equals("<init>")
                && member instanceof CodeUnitAccessTarget made
                && made.getRawParameterTypes().isEmpty());
    return clock || chance;
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

  private static DescribedPredicate<JavaAccess<?>> target(
      String description, Predicate<AccessTarget> predicate) {
    return DescribedPredicate.describe(description, access -> predicate.test(access.getTarget()));
  }
}
