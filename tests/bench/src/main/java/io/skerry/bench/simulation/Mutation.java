package io.skerry.bench.simulation;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * A change of one method of a compiled class; lambdas in it count as it.
 *
 * @param method its name; all of that name
 */
record Mutation(String method, Change change) {
  private static final ClassDesc OBJECT = ClassDesc.of("java.lang.Object");

  /** What is changed. */
  sealed interface Change {
    /** The whole method does nothing but this. */
    record Whole(Value value) implements Change {}

    /** Calls of this method are left out, and give this. */
    record Call(String callee, Value value) implements Change {}

    /** A constant is another one. */
    record Constant(ConstantDesc from, ConstantDesc to) implements Change {}

    /** A static field, for example a constant of an enum, is another one of its class. */
    record Field(String from, String to) implements Change {}
  }

  /** What a method gives. */
  sealed interface Value {
    record Nothing() implements Value {}

    record Literal(ConstantDesc constant) implements Value {}

    /** Its first argument; of a call that takes two, the first is what stays. */
    record FirstArgument() implements Value {}

    record EmptyList() implements Value {}

    record Zero(String field) implements Value {}

    /**
     * What a method of {@link Mistakes} does with what the call would have been given, and with the
     * object in which it is made, if there is one.
     */
    record Mistake(String method) implements Value {}
  }

  static Mutation doesNothing(String method) {
    return new Mutation(method, new Change.Whole(new Value.Nothing()));
  }

  static Mutation answers(String method, ConstantDesc constant) {
    return new Mutation(method, new Change.Whole(new Value.Literal(constant)));
  }

  static Mutation answersNoneAtAll(String method) {
    return new Mutation(method, new Change.Whole(new Value.EmptyList()));
  }

  static Mutation answersItsFirstArgument(String method) {
    return new Mutation(method, new Change.Whole(new Value.FirstArgument()));
  }

  static Mutation skips(String method, String callee) {
    return new Mutation(method, new Change.Call(callee, new Value.Nothing()));
  }

  static Mutation takesFor(String method, String callee, ConstantDesc constant) {
    return new Mutation(method, new Change.Call(callee, new Value.Literal(constant)));
  }

  /** Calls of a method of two arguments of the same type give the first. */
  static Mutation takesTheFirstFor(String method, String callee) {
    return new Mutation(method, new Change.Call(callee, new Value.FirstArgument()));
  }

  static Mutation takesZeroFor(String method, String callee, String field) {
    return new Mutation(method, new Change.Call(callee, new Value.Zero(field)));
  }

  static Mutation mistakes(String method, String callee, String mistake) {
    return new Mutation(method, new Change.Call(callee, new Value.Mistake(mistake)));
  }

  static Mutation counts(String method, ConstantDesc from, ConstantDesc to) {
    return new Mutation(method, new Change.Constant(from, to));
  }

  static Mutation says(String method, String from, String to) {
    return new Mutation(method, new Change.Field(from, to));
  }

  /**
   * The class with the change.
   *
   * @throws IllegalStateException if there is nothing to change: the code has changed since
   */
  byte[] of(byte[] original, String name) {
    AtomicInteger changes = new AtomicInteger();
    ClassFile classFile = ClassFile.of();
    byte[] changed =
        classFile.transformClass(
            classFile.parse(original), (builder, element) -> take(builder, element, changes));
    if (changes.get() == 0) {
      throw new IllegalStateException(
          "%s has nothing to change in '%s': %s".formatted(name, method, change));
    }
    return changed;
  }

  private void take(ClassBuilder builder, ClassElement element, AtomicInteger changes) {
    if (!(element instanceof MethodModel model) || !isMeant(model)) {
      builder.with(element);
      return;
    }
    if (change instanceof Change.Whole(Value value)) {
      if (model.methodName().stringValue().startsWith("lambda$")) {
        builder.with(element);
        return;
      }
      changes.incrementAndGet();
      builder.withMethodBody(
          model.methodName(),
          model.methodType(),
          model.flags().flagsMask(),
          code -> whole(code, value, model.methodTypeSymbol()));
      return;
    }
    Optional<ClassDesc> self =
        model.flags().has(AccessFlag.STATIC) ? Optional.empty() : Optional.of(OBJECT);
    builder.transformMethod(model, MethodTransform.transformingCode(instruction(changes, self)));
  }

  private boolean isMeant(MethodModel model) {
    String name = model.methodName().stringValue();
    return name.equals(method) || name.startsWith("lambda$" + method + "$");
  }

  private static void whole(CodeBuilder code, Value value, MethodTypeDesc type) {
    push(code, value, Optional.of(0));
    code.return_(TypeKind.from(type.returnType()));
  }

  private CodeTransform instruction(AtomicInteger changes, Optional<ClassDesc> self) {
    return (code, element) -> {
      Optional<Consumer<CodeBuilder>> other = other(element, self);
      if (other.isPresent()) {
        changes.incrementAndGet();
        other.get().accept(code);
      } else {
        code.with(element);
      }
    };
  }

  private Optional<Consumer<CodeBuilder>> other(CodeElement element, Optional<ClassDesc> self) {
    return switch (change) {
      case Change.Whole _ -> Optional.empty();
      case Change.Call(String callee, Value value) ->
          element instanceof InvokeInstruction call && call.name().equalsString(callee)
              ? Optional.of(
                  code -> {
                    if (value instanceof Value.Mistake(String mistake)) {
                      mistake(code, call, mistake, self);
                    } else {
                      instead(code, call, value);
                    }
                  })
              : Optional.empty();
      case Change.Constant(ConstantDesc from, ConstantDesc to) ->
          element instanceof ConstantInstruction constant && constant.constantValue().equals(from)
              ? Optional.of(code -> code.loadConstant(to))
              : Optional.empty();
      case Change.Field(String from, String to) ->
          element instanceof FieldInstruction field && field.name().equalsString(from)
              ? Optional.of(
                  code ->
                      code.getstatic(
                          field.owner().asSymbol(),
                          to,
                          ClassDesc.ofDescriptor(field.type().stringValue())))
              : Optional.empty();
    };
  }

  // Leaves what the call is made on and its arguments where they are.
  private static void mistake(
      CodeBuilder code, InvokeInstruction call, String mistake, Optional<ClassDesc> self) {
    List<ClassDesc> given = new ArrayList<>();
    if (call.opcode() != Opcode.INVOKESTATIC) {
      given.add(call.owner().asSymbol());
    }
    given.addAll(call.typeSymbol().parameterList());
    self.ifPresent(
        object -> {
          code.aload(0);
          given.add(object);
        });
    code.invokestatic(
        ClassDesc.of(Mistakes.class.getName()),
        mistake,
        MethodTypeDesc.of(call.typeSymbol().returnType(), given));
  }

  // Takes the arguments off the stack, and puts what is given instead on it.
  private static void instead(CodeBuilder code, InvokeInstruction call, Value value) {
    List<ClassDesc> arguments = call.typeSymbol().parameterList();
    int kept = value instanceof Value.FirstArgument ? 1 : 0;
    for (int i = arguments.size() - 1; i >= kept; i--) {
      pop(code, arguments.get(i));
    }
    if (kept == 0 && call.opcode() != Opcode.INVOKESTATIC) {
      code.pop();
    }
    push(code, value, Optional.empty());
  }

  private static void pop(CodeBuilder code, ClassDesc type) {
    if (TypeKind.from(type).slotSize() == 2) {
      code.pop2();
    } else {
      code.pop();
    }
  }

  private static void push(CodeBuilder code, Value value, Optional<Integer> argument) {
    switch (value) {
      case Value.Nothing _, Value.Mistake _ -> {}
      case Value.Literal(ConstantDesc constant) -> code.loadConstant(constant);
      case Value.FirstArgument _ -> argument.ifPresent(code::aload);
      case Value.EmptyList _ ->
          code.invokestatic(
              ClassDesc.of("java.util.List"),
              "of",
              MethodTypeDesc.of(ClassDesc.of("java.util.List")),
              true);
      case Value.Zero(String field) -> {
        ClassDesc duration = ClassDesc.of("java.time.Duration");
        code.getstatic(duration, field, duration);
      }
    }
  }
}
