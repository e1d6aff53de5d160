/** Numbers of JSON, exactly: 9007199254740993 is not 9007199254740992, and 0.3 is a multiple of 0.1. */

/** A decimal number: `digits` × 10^`exponent`, without trailing zeros in its digits. */
export class Decimal {
  private constructor(
    readonly digits: bigint,
    readonly exponent: number,
  ) {}

  /** Returns the number that a JSON text says. */
  static parse(text: string): Decimal {
    const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
    if (!parts) throw new SyntaxError(`${text} is no number of JSON`);
    const [, sign = "", whole = "", fraction = "", power = "0"] = parts;
    const significant = (whole + fraction).replace(/0+$/, "");
    const digits = BigInt(sign + (significant || "0"));
    const zeros = whole.length + fraction.length - significant.length;
    return digits === 0n ? new Decimal(0n, 0) : new Decimal(digits, Number(power) - fraction.length + zeros);
  }

  /** Whether it has no fraction. */
  get isInteger(): boolean {
    return this.exponent >= 0;
  }

  /** Returns a negative number, 0, or a positive number as it is less than, equal to, or greater than `other`. */
  compare(other: Decimal): number {
    const [sign, otherSign] = [signOf(this.digits), signOf(other.digits)];
    if (sign !== otherSign || sign === 0) return sign - otherSign;
    // Numbers of different magnitude are told apart first, so that 1e999999999 is never written out.
    const magnitude = this.magnitude - other.magnitude;
    if (magnitude !== 0) return magnitude * sign;
    const shift = this.exponent - other.exponent;
    return signOf(shift >= 0 ? scaled(this.digits, shift) - other.digits : this.digits - scaled(other.digits, -shift));
  }

  /** Whether it is a whole number of times `divisor`, which is greater than 0. */
  isMultipleOf(divisor: Decimal): boolean {
    if (this.digits === 0n) return true;
    if (this.exponent < divisor.exponent) return false; // its last digit is no zero
    return (
      ((this.digits % divisor.digits) * powerOfTen(this.exponent - divisor.exponent, divisor.digits)) %
        divisor.digits ===
      0n
    );
  }

  /** The same text for equal numbers. */
  toString(): string {
    return `${this.digits}e${this.exponent}`;
  }

  private get magnitude(): number {
    return String(this.digits < 0n ? -this.digits : this.digits).length + this.exponent;
  }
}

function signOf(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

function scaled(digits: bigint, power: number): bigint {
  return digits * 10n ** BigInt(power);
}

/** Returns 10^power modulo `modulus`, without ever writing the power out. */
function powerOfTen(power: number, modulus: bigint): bigint {
  let [result, square] = [1n, 10n % modulus];
  for (let left = power; left > 0; left = Math.floor(left / 2)) {
    if (left % 2) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
