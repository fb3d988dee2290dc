mod contexts;
