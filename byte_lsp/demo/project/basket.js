// A shopping basket: prices are in cents.
export class Basket {
  constructor(currency) {
    this.currency = currency;
    this.products = [];
  }

  add(product, quantity) {
    this.products.push({ product, quantity });
  }

  remove(product) {
    this.products = this.products.filter((entry) => entry.product !== product);
  }

  total() {
    let total = 0;
    for (const entry of this.products) {
      total += entry.product.price * entry.quantity;
    }
    return total;
  }

  isEmpty() {
    return this.products.length === 0;
  }
}
